// All arms on the same axes, a chart for each quantity; one step is pointed at in all charts of training and a table.

function compareCurves(place, quantities, arms, choice) {
  const trained = Object.keys(arms).filter((arm) => quantities.some((quantity) => arm in quantity.arms));
  const steps = quantities.flatMap((quantity) =>
    Object.values(quantity.arms).flatMap((trace) => [trace.steps[0], trace.steps.at(-1)]),
  );
  const first = Math.min(...steps);
  const last = Math.max(...steps);
  const slider = place.querySelector("input");
  const table = place.querySelector(".values");
  const legend = place.querySelector(".legend");
  const charts = quantities.map((quantity) => chart(quantity, arms, first, last));
  place.querySelector(".together").replaceChildren(...charts.map((one) => one.figure));
  slider.min = first;
  slider.max = last;
  slider.value = last;

  const panels = [...document.querySelectorAll(".plot[data-first]")].map(panelOfSeeds);
  const point = eachFrame(() => {
    const step = Number(slider.value);
    place.querySelector("output").textContent = step;
    for (const one of [...charts, ...panels]) one.point(step);
    fillTable(table, charts, trained.filter(choice.shows), arms, step);
  });
  slider.addEventListener("input", point);
  for (const one of [...charts, ...panels]) {
    const follow = (event) => {
      const box = one.plot.getBoundingClientRect();
      const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
      slider.value = Math.round(one.first + share * (one.last - one.first));
      point();
    };
    for (const moved of ["pointermove", "pointerdown"]) one.plot.addEventListener(moved, follow);
  }
  const of = (name) => ({ "data-of": name, class: `c${arms[name].color}` });
  const light = (arm) => charts.forEach((one) => one.light(arm));
  for (const part of [table, legend]) {
    part.addEventListener("pointerover", (event) => light(event.target.closest("[data-of]")?.dataset.of ?? null));
    part.addEventListener("pointerleave", () => light(null));
  }
  choice.onChange(() => {
    const names = trained.filter(choice.shows);
    for (const one of charts) one.draw(names, choice.reference);
    legend.replaceChildren(...names.map((name) => element("span", of(name), ...label(arms[name]))));
    point();
  });
}

/** A panel of one arm and all its seeds, which the page has without scripting; it is given a cursor. */
function panelOfSeeds(plot) {
  const [first, last] = [Number(plot.dataset.first), Number(plot.dataset.last)];
  const cursor = drawn("line", { class: "cursor", y1: 0, y2: HIGH });
  plot.querySelector("svg").append(cursor);
  return { plot, first, last, point: (step) => pointAt(cursor, (step - first) / (last - first || 1)) };
}

/** The value of each arm in each chart that shows any, at one step. */
function fillTable(table, charts, names, arms, step) {
  const full = charts.filter((one) => !one.figure.hidden);
  const head = full.map((one) => element("th", { class: "n" }, one.title));
  const row = (name) => {
    const title = element("th", { scope: "row", class: `arm c${arms[name].color}` }, ...label(arms[name]));
    return element("tr", { "data-of": name }, title, ...full.map((one) => valueCell(one.at(name, step))));
  };
  table.tHead.replaceChildren(element("tr", {}, element("th", {}, `At step ${step}`), ...head));
  table.tBodies[0].replaceChildren(...names.map(row));
}

function valueCell(value) {
  if (!value) return element("td", { class: "n" }, "\u2013");
  const bounds = value.low === undefined ? null : `[${short(value.low)}, ${short(value.high)}]`;
  return element("td", { class: "n" }, short(value.mean), bounds && element("small", {}, bounds));
}

/** A piece of an arm's line, and its title. */
function label(arm) {
  const line = drawn("line", { class: `d${arm.dash}`, x1: 0, x2: "100%", y1: "50%", y2: "50%" });
  return [drawn("svg", { class: "sample", "aria-hidden": "true" }, line), arm.title];
}
