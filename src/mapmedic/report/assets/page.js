// What both pictures need: the data, numbers as people read them, and light ink while the page is printed.
"use strict";
const mapmedic = (() => {
  const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  const data = JSON.parse(document.getElementById("data").textContent);
  const redraws = [];

  function bytesText(value) {
    if (value === null || value === undefined || !Number.isFinite(value)) return "unknown";
    let size = Math.abs(value);
    let unit = 0;
    for (; size >= 1023.95 && unit < UNITS.length - 1; unit++) size /= 1024;
    return `${value < 0 ? "-" : ""}${size.toFixed(unit ? 1 : 0)} ${UNITS[unit]}`;
  }

  function percentText(share) {
    const percent = 100 * share;
    if (percent > 0 && percent < 0.1) return "under 0.1 %";
    return `${percent.toFixed(percent < 10 ? 1 : 0)} %`;
  }

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function redrawOn(draw) {
    redraws.push(draw);
  }

  function redrawAll() {
    for (const draw of redraws) draw();
  }

  // A printer wants dark ink on white whatever the screen shows; a canvas does not follow a style sheet.
  function onPaper(paper) {
    if (paper) document.documentElement.dataset.paper = "";
    else delete document.documentElement.dataset.paper;
    redrawAll();
  }

  addEventListener("beforeprint", () => onPaper(true));
  addEventListener("afterprint", () => onPaper(false));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawAll);

  return { data, bytesText, percentText, colour, redrawOn };
})();
