// What the face shows, frame by frame: one line per expression, on one lane.
const EXPRESSION_NAME_HEIGHT = 14;
const READOUT_HEIGHT = 14;

function expressionLanes() {
  const { expressions } = data.tracks;
  if (!expressions.length) return [];
  const height = EXPRESSION_NAME_HEIGHT * (expressions.length + 1) + 6;
  return [{ kind: "expressions", height, name: "face looks", range: "0–1" }];
}

// The name column is the legend.
function expressionNames(lane) {
  const head = make("span", {}, make("span", {}, lane.name), make("span", { class: "range" }, lane.range));
  const names = data.tracks.expressions.map(({ name }) =>
    make("span", {}, name, shape("svg", { class: "swatch", width: 30, height: 6, "aria-hidden": "true" },
      shape("line", { x1: 0, x2: 30, y1: 3, y2: 3, class: `expression expression-${name}` }))));
  const column = make("div", { class: "expression-names" }, head, ...names);
  column.style.height = `${lane.height}px`;
  return column;
}

function expressionsAt(step) {
  return data.tracks.expressions
    .map(({ name, values }) => ({ name, value: values[step] ?? null }))
    .filter(({ value }) => value !== null)
    .sort((a, b) => b.value - a.value);
}

function readoutOf(step) {
  const shown = expressionsAt(step).slice(0, 3);
  const time = clock(step * data.tracks.step);
  if (!shown.length) return `${time} no face`;
  return `${time} ${shown.map(({ name, value }) => `${name} ${decimals(value)}`).join(" · ")}`;
}

function expressions(lane, y) {
  const [top, base] = [y + READOUT_HEIGHT + 2, y + lane.height - 4];
  const yOf = (share) => base - (base - top) * share;
  const rules = [0, 0.5, 1].map((share) =>
    shape("line", { x1: 0, x2: view.width, y1: yOf(share), y2: yOf(share), class: "rule" }));
  const lines = data.tracks.expressions.map(({ name, values }) =>
    shape("path", { class: `expression expression-${name}`, d: linePath(values, yOf) }));
  const readout = shape("text", { class: "readout", y: y + 11 });
  const marker = shape("line", { y1: top, y2: base, class: "marker" });
  const surface = shape("rect", { x: 0, y, width: view.width, height: lane.height,
    class: "surface" });
  const last = Math.ceil(data.duration / data.tracks.step) - 1;
  surface.addEventListener("pointermove", (event) => {
    const box = surface.getBoundingClientRect();
    const seconds = (event.clientX - box.left) / box.width * data.duration;
    const step = within(Math.floor(seconds / data.tracks.step), 0, last);
    const x = xOf((step + 0.5) * data.tracks.step);
    readout.textContent = readoutOf(step);
    const { scrollLeft, clientWidth } = surface.ownerSVGElement.parentElement;
    const room = scrollLeft + clientWidth - readout.getComputedTextLength() - 4;
    readout.setAttribute("x", Math.max(Math.min(x + 4, room), scrollLeft + 2));
    for (const end of ["x1", "x2"]) marker.setAttribute(end, x);
    marker.classList.add("on");
  });
  surface.addEventListener("pointerleave", () => {
    readout.textContent = "";
    marker.classList.remove("on");
  });
  return [...rules, ...lines, marker, readout, surface];
}
