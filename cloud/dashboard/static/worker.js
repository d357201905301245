/* Service worker: a page that was seen once can be seen again without a line, with the time it was fetched.
   1. The network comes first; what it says replaces what was kept.
   2. Kept are pages and files that were asked for with GET and answered with 200, the newest KEPT of them; never the API.
   3. What is kept lies in the browser that saw it, and nowhere else. */
"use strict";
const PAGES = "footfall-pages", KEPT = 40;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

async function keep(request, answer) {
  const cache = await caches.open(PAGES);
  await cache.delete(request);
  await cache.put(request, answer);
  const keys = await cache.keys();
  await Promise.all(keys.slice(0, Math.max(0, keys.length - KEPT)).map((one) => cache.delete(one)));
}

async function fetched(event) {
  const request = event.request;
  try {
    const answer = await fetch(request);
    if (answer.status === 200 && !answer.redirected) { event.waitUntil(keep(request, answer.clone())); }
    return answer;
  } catch (error) {
    const kept = await (await caches.open(PAGES)).match(request, { ignoreVary: true });
    if (kept) { return kept; }
    throw error;
  }
}

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin) { return; }
  if (/^\/(api|language|s|confirm|unsubscribe)\//.test(url.pathname)) { return; }
  if (url.pathname.endsWith("/figures") || /\.(csv|parquet)$/.test(url.pathname)) { return; }
  event.respondWith(fetched(event));
});
