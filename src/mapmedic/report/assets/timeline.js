// Memory over time: RSS and HeapAlloc, what happened meanwhile, and the ground shaded before and after the fix.
"use strict";
(() => {
  const box = document.getElementById("timeline");
  const course = mapmedic.data.timeline;
  if (!box || !course || course.t.length < 2) return;
  let plot = null;

  // Tenths where the marks stand closer than a second: two marks must not read the same.
  function clock(seconds, step = 1) {
    return new Date(seconds * 1000).toISOString().slice(11, step < 1 ? 21 : 19);
  }

  function times(_, marks, axis, space, step) {
    return marks.map((mark) => clock(mark, step));
  }

  // Axis steps in powers of two, so that the marks read 256 MiB and not 244.1 MiB.
  const steps = Array.from({ length: 60 }, (_, power) => 2 ** power);

  function round(value) {
    return mapmedic.bytesText(value).replace(".0 ", " ");
  }

  function shade(u) {
    if (course.fixedAt === null) return;
    const { ctx } = u;
    const { left, top, width, height } = u.bbox;
    const at = Math.min(Math.max(u.valToPos(course.fixedAt, "x", true), left), left + width);
    ctx.save();
    ctx.fillStyle = mapmedic.colour("--before");
    ctx.fillRect(left, top, at - left, height);
    ctx.fillStyle = mapmedic.colour("--after");
    ctx.fillRect(at, top, left + width - at, height);
    rule(ctx, at, top, left + width, top + height);
    ctx.restore();
  }

  // Slanted hairlines: the ground after the fix is told apart without colour too.
  function rule(ctx, left, top, right, bottom) {
    const gap = 14 * devicePixelRatio;
    ctx.beginPath();
    ctx.rect(left, top, right - left, bottom - top);
    ctx.clip();
    ctx.strokeStyle = mapmedic.colour("--after");
    ctx.lineWidth = devicePixelRatio;
    ctx.beginPath();
    for (let x = left - (bottom - top); x < right; x += gap) {
      ctx.moveTo(x, bottom);
      ctx.lineTo(x + bottom - top, top);
    }
    ctx.stroke();
  }

  function mark(u) {
    const { ctx } = u;
    const ratio = devicePixelRatio;
    const { left, top, width, height } = u.bbox;
    ctx.save();
    ctx.font = `600 ${12 * ratio}px ${getComputedStyle(document.body).fontFamily}`;
    ctx.textBaseline = "top";
    for (const event of course.events) {
      const x = u.valToPos(event.t, "x", true);
      if (x < left - 1 || x > left + width + 1) continue;
      if (event.kind === "fix") line(ctx, x, top, height, ratio, event.text, left + width);
      else triangle(ctx, x, top + height, ratio);
    }
    ctx.restore();
  }

  function line(ctx, x, top, height, ratio, text, right) {
    ctx.strokeStyle = ctx.fillStyle = mapmedic.colour("--ink");
    ctx.lineWidth = 1.5 * ratio;
    ctx.beginPath();
    ctx.moveTo(x, top);
    ctx.lineTo(x, top + height);
    ctx.stroke();
    const fits = x + ctx.measureText(text).width + 8 * ratio < right;
    ctx.textAlign = fits ? "left" : "right";
    ctx.fillText(text, x + (fits ? 6 : -6) * ratio, top + 4 * ratio);
  }

  function triangle(ctx, x, bottom, ratio) {
    ctx.fillStyle = mapmedic.colour("--soft");
    ctx.beginPath();
    ctx.moveTo(x, bottom - 9 * ratio);
    ctx.lineTo(x + 5 * ratio, bottom);
    ctx.lineTo(x - 5 * ratio, bottom);
    ctx.fill();
  }

  function options(width) {
    const soft = mapmedic.colour("--soft");
    const axis = { stroke: soft, font: `12px ${getComputedStyle(document.body).fontFamily}` };
    const grid = { stroke: mapmedic.colour("--rule"), width: 1 };
    return {
      width,
      height: width < 600 ? 240 : 310,
      padding: [8, 36, 0, 0], // half of the last label stands beyond its mark
      legend: { markers: { width: 2, dash: (_, index) => (index === 2 ? "dashed" : "solid") } },
      cursor: { y: false, drag: { x: true, y: false } },
      scales: { x: { time: true }, y: { range: (_, __, high) => [0, (high || 1) * 1.08] } },
      axes: [
        { ...axis, grid: { show: false }, ticks: grid, space: 90, values: times },
        { ...axis, grid, ticks: grid, size: 78, incrs: steps, values: (_, marks) => marks.map(round) },
      ],
      series: [
        { label: "Time", value: (_, at) => (at === null ? "–" : clock(at)) },
        curve("RSS", "--line-rss", []),
        curve("HeapAlloc", "--line-heap", [7, 4]),
      ],
      hooks: { drawClear: [shade], draw: [mark] },
    };
  }

  function curve(label, colourName, dash) {
    return {
      label,
      dash,
      stroke: mapmedic.colour(colourName),
      width: 2,
      spanGaps: true,
      points: { show: course.t.length < 40, size: 5 },
      value: (_, value) => (value === null ? "–" : mapmedic.bytesText(value)),
    };
  }

  function draw() {
    if (plot) plot.destroy();
    plot = new uPlot(options(box.clientWidth), [course.t, course.rss, course.heap], box);
  }

  draw();
  mapmedic.redrawOn(draw);
  let width = box.clientWidth;
  new ResizeObserver(() => {
    if (box.clientWidth === width || !box.clientWidth) return;
    width = box.clientWidth;
    draw();
  }).observe(box);
})();
