// The flame graph: d3-flame-graph draws, zooms and searches; this file feeds it, colours it and lets keys move in it.
"use strict";
(() => {
  const { trees, site } = mapmedic.data.flame || {};
  const box = document.getElementById("flame");
  const canvas = document.getElementById("flame-chart");
  const details = document.getElementById("flame-details");
  if (!box || !trees) return;
  box.hidden = false;

  const SIGNS = { map: "▦ ", "sync.Map": "◫ ", slice: "▤ " };
  const COLOURS = {
    map: "--kind-map", "sync.Map": "--kind-sync", slice: "--kind-slice", program: "--kind-program",
    library: "--kind-library", runtime: "--kind-runtime", gathered: "--kind-gathered",
  };
  const LONGEST_LABEL = 200;
  const ROW = 20;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const hint = "Point at a call to read it here; click it to zoom in.";
  let measure = "inuse";
  let profile = trees.before ? "before" : "after";
  let current = null;

  // Columns -> the nested nodes that d3 wants. A caller always comes before its callees.
  function nested(columns) {
    const nodes = columns.name.map((text, index) => ({
      name: columns.texts[text],
      place: columns.file[index] < 0 ? "" : place(columns, index),
      value: columns[measure][index],
      kind: columns.kind[index],
      restored: columns.restored[index] === 1,
      isSite: columns.texts[text] === site,
      children: [],
    }));
    for (let index = 1; index < nodes.length; index++) nodes[columns.parent[index]].children.push(nodes[index]);
    return nodes[0];
  }

  function place(columns, index) {
    const file = columns.texts[columns.file[index]];
    return columns.line[index] ? `${file}:${columns.line[index]}` : file;
  }

  // "github.com/acme/shop/cart.(*Cart).Add" -> "cart.(*Cart).Add": the path says little and takes much room.
  function shortName(name) {
    const plain = name.split("[", 1)[0];
    return name.slice(plain.lastIndexOf("/") + 1, LONGEST_LABEL);
  }

  function label(node) {
    const { data } = node;
    const share = total() ? `, ${mapmedic.percentText(data.value / total())}` : "";
    const parts = [`${data.name}: ${mapmedic.bytesText(data.value)}${share}`];
    if (data.isSite) parts.push("◆ fills the container");
    if (data.kind in SIGNS) parts.push(`grows a ${data.kind}`);
    if (data.restored) parts.push("hidden by pprof, restored");
    if (data.place) parts.push(data.place);
    return parts.join(" · ");
  }

  function root() {
    return d3.select(canvas).datum();
  }

  function total() {
    const top = root();
    return top && top.data ? top.data.value : 0;
  }

  const chart = flamegraph.default()
    .cellHeight(ROW)
    .inverted(true)
    .minFrameSize(0.5)
    .transitionDuration(0) // the first drawing must be whole at once: pages are printed and photographed
    .sort((one, other) => other.data.value - one.data.value)
    .setLabelHandler(label)
    .setDetailsHandler((text) => { details.textContent = text || summary; })
    .setSearchMatch((node, term) => node.data.name.toLowerCase().includes(term.toLowerCase()))
    .setSearchHandler(tellFound)
    .setColorMapper((node) => `var(${node.highlight ? "--found" : COLOURS[node.data.kind]})`)
    .getName((node) => `${node.data.isSite ? "◆ " : ""}${SIGNS[node.data.kind] || ""}${shortName(node.data.name)}`)
    .onClick((node) => { focusOn(node); });
  let summary = hint;

  function tellFound(found, sum) {
    const share = total() ? ` (${mapmedic.percentText(sum / total())})` : "";
    summary = `${found.length} calls match: ${mapmedic.bytesText(sum)}${share}`;
    details.textContent = summary;
  }

  // What d3-flame-graph does not draw: edges that tell frames apart without colour, and a width that prints.
  function decorate() {
    d3.select(canvas).selectAll("g.frame")
      .classed("restored", (node) => node.data.restored)
      .classed("is-site", (node) => node.data.isSite)
      .classed("found", (node) => Boolean(node.highlight))
      .classed("current", (node) => node === current);
    const svg = canvas.querySelector("svg");
    svg.setAttribute("height", chart.height() - 2 * ROW); // room for a title that is not used
    svg.setAttribute("viewBox", `0 0 ${svg.getAttribute("width")} ${svg.getAttribute("height")}`);
  }

  function focusOn(node) {
    current = node;
    details.textContent = label(node);
    decorate();
  }

  function search() {
    const term = document.getElementById("flame-search").value.trim();
    if (term) {
      chart.search(term);
    } else {
      summary = hint;
      chart.clear();
    }
    decorate();
  }

  function show() {
    current = null;
    chart.height(null);
    d3.select(canvas).datum(nested(trees[profile])).call(chart);
    search();
  }

  function showAll() {
    document.getElementById("flame-search").value = "";
    chart.resetZoom();
    current = null;
    search();
  }

  function neighbour(node, step) {
    const siblings = node.parent ? node.parent.children.filter((each) => each.value > 0) : [node];
    return siblings[siblings.indexOf(node) + step] || node;
  }

  const KEYS = {
    ArrowDown: (node) => (node.children || []).find((each) => each.value > 0) || node,
    ArrowUp: (node) => node.parent || node,
    ArrowLeft: (node) => neighbour(node, -1),
    ArrowRight: (node) => neighbour(node, 1),
  };

  function onKey(event) {
    if (event.key in KEYS) focusOn(current ? KEYS[event.key](current) : root());
    else if (event.key === "Enter" && current) chart.zoomTo(current);
    else if (event.key === "Escape") showAll();
    else return;
    event.preventDefault();
  }

  function choose(event) {
    if (event.target.name === "measure") measure = event.target.value;
    else if (event.target.name === "profile") profile = event.target.value;
    else return;
    offerMeasures();
    show();
  }

  // Only the profile before the fix was watched for growth.
  function offerMeasures() {
    for (const input of box.querySelectorAll('input[name="measure"]')) {
      input.disabled = !trees[profile][input.value][0];
      if (input.checked && input.disabled) {
        measure = "inuse";
        box.querySelector('input[name="measure"][value="inuse"]').checked = true;
      }
    }
  }

  function fit() {
    if (!canvas.clientWidth || canvas.clientWidth === chart.width()) return;
    chart.width(canvas.clientWidth).update();
    decorate();
  }

  chart.width(canvas.clientWidth);
  show();
  chart.transitionDuration(still ? 0 : 250);
  box.addEventListener("change", choose);
  document.getElementById("flame-search").addEventListener("input", search);
  document.getElementById("flame-reset").addEventListener("click", showAll);
  canvas.addEventListener("keydown", onKey);
  new ResizeObserver(fit).observe(canvas);
})();
