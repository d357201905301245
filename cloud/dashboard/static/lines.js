/* Draws series over days or weeks, each with its range as a band; gaps are gaps. The table beside it says the same. */
(function () {
  "use strict";
  var COLOURS = ["bar", "second"], drawn = [];

  function colour(name) { return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim(); }

  function faint(name) { return colour(name) + "33"; }

  function marks(u, told) {
    var ctx = u.ctx, box = u.bbox, px = devicePixelRatio;
    (told.marks || []).forEach(function (mark) {
      var x = u.valToPos(mark.at, "x", true);
      ctx.save();
      ctx.strokeStyle = colour("warn"); ctx.lineWidth = 1.5 * px; ctx.setLineDash([4 * px, 3 * px]);
      ctx.beginPath(); ctx.moveTo(x, box.top); ctx.lineTo(x, box.top + box.height); ctx.stroke();
      ctx.restore();
    });
    if (told.span) {
      var from = u.valToPos(told.span[0] - 0.5, "x", true), to = u.valToPos(told.span[1] + 0.5, "x", true);
      ctx.save(); ctx.globalCompositeOperation = "destination-over"; ctx.fillStyle = colour("closed");
      ctx.fillRect(from, box.top, to - from, box.height); ctx.restore();
    }
  }

  function hollow(told) {
    return function (u, series) {
      var one = told.series[Math.floor((series - 1) / 3)], ctx = u.ctx, px = devicePixelRatio;
      one.value.forEach(function (value, i) {
        if (value === null || !one.incomplete || !one.incomplete[i]) { return; }
        ctx.save(); ctx.fillStyle = colour("card"); ctx.strokeStyle = colour(COLOURS[Math.floor((series - 1) / 3)]); ctx.lineWidth = 2 * px;
        ctx.beginPath(); ctx.arc(u.valToPos(i, "x", true), u.valToPos(value, "y", true), 4 * px, 0, 7); ctx.fill(); ctx.stroke(); ctx.restore();
      });
    };
  }

  function make(place) {
    var told = JSON.parse(place.dataset.lines), n = told.labels.length;
    if (!n) { return; }
    var data = [told.labels.map(function (_, i) { return i; })], series = [{}], bands = [], all = [];
    told.series.forEach(function (one, number) {
      var at = series.length, name = COLOURS[number];
      data.push(one.value, one.low || one.value, one.high || one.value);
      series.push({ stroke: colour(name), width: 2, dash: number ? [6, 4] : undefined, points: { show: n < 40, size: 6, fill: colour(name) } },
        { stroke: "transparent", points: { show: false } }, { stroke: "transparent", points: { show: false } });
      bands.push({ series: [at + 2, at + 1], fill: faint(name) });
      all = all.concat(one.value, one.low || [], one.high || []);
    });
    all = all.filter(function (v) { return v !== null; });
    var most = Math.max.apply(null, all.concat([told.least || 1])), least = told.zero === false ? Math.min.apply(null, all) : 0, room = (most - least) * 0.06;
    var quiet = colour("quiet"), font = "13px system-ui, sans-serif", wide = 14 + 7.5 * Math.max.apply(null, told.labels.map(function (one) { return one.length; })), every = Math.max(1, Math.ceil(n * wide / (place.clientWidth - 54)));
    var readout = document.getElementById(place.dataset.readout);
    place.classList.add("drawn");
    drawn.push(new uPlot({
      width: place.clientWidth, height: place.clientHeight, legend: { show: false }, padding: [10, 8, 0, 0],
      scales: { x: { time: false, range: [-0.5, n - 0.5] }, y: { range: [told.zero === false ? least - room : 0, most + room] } },
      cursor: { y: false, drag: { x: false, y: false } },
      axes: [
        { stroke: quiet, font: font, grid: { show: false }, ticks: { show: false }, size: 28, gap: 4,
          splits: function () { return data[0].filter(function (i) { return i % every === 0; }); },
          values: function (_, at) { return at.map(function (i) { return told.labels[i]; }); } },
        { stroke: quiet, font: font, size: 46, gap: 6, ticks: { show: false }, grid: { stroke: colour("line"), width: 1 },
          values: function (_, at) { return at.map(function (v) { return told.percent ? Math.round(v * 100) + "%" : v; }); } }
      ],
      series: series, bands: bands,
      hooks: {
        draw: [function (u) { told.series.forEach(function (_, number) { hollow(told)(u, 1 + 3 * number); }); marks(u, told); }],
        setCursor: [function (u) { var i = u.cursor.idx; if (readout && i !== null && i !== undefined) { readout.textContent = told.sentences[i]; } }]
      }
    }, data, place));
  }

  function draw() {
    drawn.forEach(function (one) { one.destroy(); });
    drawn = [];
    if (window.uPlot) { document.querySelectorAll(".chart[data-lines]").forEach(make); }
  }

  addEventListener("resize", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();
})();
