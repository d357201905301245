/* Draws the hours from the figure's data attribute; the table beside it says the same. Runs again after every live swap. */
(function () {
  "use strict";
  var drawn = null, opened = false;

  function colour(name) { return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim(); }

  function hatch(ctx, x, y, w, h, stroke) {
    ctx.save();
    ctx.beginPath(); ctx.rect(x, y, w, h); ctx.clip();
    ctx.strokeStyle = stroke; ctx.lineWidth = devicePixelRatio; ctx.beginPath();
    var step = 7 * devicePixelRatio;
    for (var at = Math.floor((x - h) / step) * step; at < x + w; at += step) { ctx.moveTo(at, y + h); ctx.lineTo(at + h, y); }
    ctx.stroke(); ctx.restore();
  }

  function behind(u, hours) {
    var ctx = u.ctx, box = u.bbox, wide = box.width / hours.hour.length;
    hours.state.forEach(function (state, i) {
      var x = box.left + i * wide;
      if (!hours.open[i] || state === "resting") { ctx.fillStyle = colour("closed"); ctx.fillRect(x, box.top, wide, box.height); }
      if (state === "not listened" || state === "not enough was heard") { hatch(ctx, x, box.top, wide, box.height, colour("hatch")); }
    });
  }

  function before(u, hours) {
    var ctx = u.ctx, box = u.bbox, wide = box.width / hours.hour.length, px = devicePixelRatio;
    hours.value.forEach(function (value, i) {
      var middle = box.left + (i + 0.5) * wide, cap = Math.min(wide * 0.14, 5 * px);
      if (value === null) {
        if (hours.state[i] === "to come" && hours.open[i]) {
          ctx.fillStyle = colour("quiet");
          [-0.25, 0, 0.25].forEach(function (part) {
            ctx.beginPath(); ctx.arc(middle + part * wide, box.top + box.height - 4 * px, 1.25 * px, 0, 7); ctx.fill();
          });
        }
        return;
      }
      var top = u.valToPos(hours.high[i], "y", true), foot = u.valToPos(hours.low[i], "y", true);
      ctx.strokeStyle = colour("whisker"); ctx.lineWidth = 1.5 * px; ctx.beginPath();
      ctx.moveTo(middle, top); ctx.lineTo(middle, foot);
      ctx.moveTo(middle - cap, top); ctx.lineTo(middle + cap, top);
      ctx.moveTo(middle - cap, foot); ctx.lineTo(middle + cap, foot);
      ctx.stroke();
    });
  }

  function options(hours, width, height, readout) {
    var n = hours.hour.length, peak = Math.max.apply(null, [4].concat(hours.high.filter(function (v) { return v !== null; })));
    var whole = hours.state.map(function (state, i) { return state === "heard" ? hours.value[i] : null; });
    var part = hours.state.map(function (state, i) { return state === "heard" ? null : hours.value[i]; });
    var bars = uPlot.paths.bars({ size: [0.72, 44], radius: [0.12, 0] }), every = width / n < 26 ? 2 : 1;
    var quiet = colour("quiet"), font = "13px system-ui, sans-serif";
    return [{
      width: width, height: height, legend: { show: false }, padding: [10, 6, 0, 0],
      scales: { x: { time: false, range: [-0.5, n - 0.5] }, y: { range: [0, peak * 1.08] } },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      axes: [
        { stroke: quiet, font: font, grid: { show: false }, ticks: { show: false }, size: 28, gap: 4,
          splits: function () { return hours.hour.map(function (_, i) { return i; }); },
          values: function (_, at) { return at.map(function (i) { return i % every ? "" : hours.hour[i]; }); } },
        { stroke: quiet, font: font, size: 38, gap: 6, ticks: { show: false }, grid: { stroke: colour("line"), width: 1 },
          incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000], space: 44 }
      ],
      series: [{}, { fill: colour("bar"), stroke: colour("bar"), width: 0, paths: bars, points: { show: false } },
        { fill: colour("bar-part"), stroke: colour("bar"), width: 1, paths: bars, points: { show: false } }],
      hooks: {
        drawClear: [function (u) { behind(u, hours); }],
        draw: [function (u) { before(u, hours); }],
        setCursor: [function (u) { var i = u.cursor.idx; if (i !== null && i !== undefined) { readout.textContent = hours.sentence[i]; } }]
      }
    }, [hours.hour.map(function (_, i) { return i; }), whole, part]];
  }

  function draw() {
    var place = document.querySelector(".chart[data-hours]");
    if (drawn) { drawn.destroy(); drawn = null; }
    if (!place || !window.uPlot) { return; }
    var hours = JSON.parse(place.dataset.hours);
    if (!hours.hour.length) { return; }
    place.classList.add("drawn");
    var made = options(hours, place.clientWidth, place.clientHeight, document.getElementById("readout"));
    drawn = new uPlot(made[0], made[1], place);
  }

  addEventListener("resize", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  document.addEventListener("htmx:beforeSwap", function () {
    var table = document.querySelector(".hours details");
    opened = Boolean(table && table.open);
  });
  document.addEventListener("htmx:afterSwap", function () {
    var table = document.querySelector(".hours details");
    if (table) { table.open = opened; }
    draw();
  });
  draw();
})();
