"""Pages: what a phone has to fetch and how long it waits, page by page, in Chromium with the brakes on.

The brakes are those Lighthouse puts on for a phone: a processor four times slower, 1.6 Mbit/s, 150 ms there and back.
Cold: nothing is in the browser's cache. Shown: the largest thing is painted. Interactive: loaded, and the main thread
free, with no task over 50 ms after it. News is held back, since the demo's street brings it every second. Median of
`--times`.

    python benchmarks/pages.py
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

PATHS = ("/", *(f"/shops/fashion{end}" for end in ("", "/week", "/trends", "/window", "/sensor")), "/campaigns")
CPU, RATE_BYTES, ROUND_TRIP_MS = 4, 1.6e6 / 8, 150
LONG_TASKS = """
window.last = 0; window.painted = 0;
new PerformanceObserver(list => list.getEntries().forEach(one => { window.last = one.startTime + one.duration; }))
  .observe({ type: "longtask", buffered: true });
new PerformanceObserver(list => list.getEntries().forEach(one => { window.painted = one.startTime; }))
  .observe({ type: "largest-contentful-paint", buffered: true });
"""
ASKED = """
(() => {
  const page = performance.getEntriesByType("navigation")[0], parts = performance.getEntriesByType("resource");
  return { bytes: page.transferSize + parts.reduce((sum, one) => sum + one.transferSize, 0),
           server: page.responseStart - page.requestStart, shown: window.painted,
           interactive: Math.max(page.domContentLoadedEventEnd, window.last) };
})()
"""


def measure(browser: Browser, url: str) -> dict[str, float]:
    context = browser.new_context(viewport={"width": 375, "height": 800}, is_mobile=True, service_workers="block")
    page = context.new_page()
    tools = context.new_cdp_session(page)
    tools.send("Emulation.setCPUThrottlingRate", {"rate": CPU})
    rates = {"downloadThroughput": RATE_BYTES, "uploadThroughput": RATE_BYTES, "latency": ROUND_TRIP_MS}
    tools.send("Network.emulateNetworkConditions", {"offline": False, **rates})
    page.add_init_script(LONG_TASKS)
    page.route("**/live", lambda route: route.abort())
    page.goto(url, wait_until="load")
    page.wait_for_timeout(1000)
    found = page.evaluate(ASKED)
    context.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--port", type=int, default=8093)
    parser.add_argument("--warm-s", type=int, default=90, help="how long the demo runs before, to have a past")
    wanted = parser.parse_args()
    base = f"http://127.0.0.1:{wanted.port}"
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "cloud", "demo", "--port", str(wanted.port), "--folder", f"{folder}/demo"]
        with (Path(folder) / "log").open("wb") as log:
            demo = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            time.sleep(wanted.warm_s)
            urllib.request.urlopen(f"{base}/api/v1/healthz").read()
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
                print("page                          kB   server ms    shown ms  interactive ms")
                for path in PATHS:
                    runs = [measure(browser, base + path) for _ in range(wanted.times)]
                    size, *times = (statistics.median(run[key] for run in runs) for key in runs[0])
                    print(f"{path:<24}{size / 1000:>8.0f}{times[0]:>12.0f}{times[1]:>12.0f}{times[2]:>16.0f}")
                browser.close()
        finally:
            demo.terminate()
            demo.wait(30)


if __name__ == "__main__":
    main()
