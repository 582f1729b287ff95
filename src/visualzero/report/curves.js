// All arms on the same axes over the steps of training, a chart for each quantity. One step is pointed at in all charts.

const WIDE = 1000;
const HIGH = 300;

function compareCurves(place, quantities, arms, choice) {
  const trained = Object.keys(arms).filter((arm) => quantities.some((quantity) => arm in quantity.arms));
  const steps = quantities.flatMap((quantity) => Object.values(quantity.arms).flatMap((trace) => [trace.steps[0], trace.steps.at(-1)]));
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

  const point = eachFrame(() => {
    const step = Number(slider.value);
    place.querySelector("output").textContent = step;
    for (const one of charts) one.point(step);
    fillTable(table, charts, trained.filter(choice.shows), arms, step);
  });
  slider.addEventListener("input", point);
  for (const one of charts) {
    const follow = (event) => {
      const box = one.plot.getBoundingClientRect();
      const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
      slider.value = Math.round(first + share * (last - first));
      point();
    };
    one.plot.addEventListener("pointermove", follow);
    one.plot.addEventListener("pointerdown", follow);
  }
  for (const part of [table, legend]) {
    part.addEventListener("pointerover", (event) => light(event.target.closest("[data-of]")?.dataset.of ?? null));
    part.addEventListener("pointerleave", () => light(null));
  }
  const light = (arm) => charts.forEach((one) => one.light(arm));
  choice.onChange(() => {
    const names = trained.filter(choice.shows);
    for (const one of charts) one.draw(names, choice.reference);
    legend.replaceChildren(...names.map((name) => element("span", { class: `c${arms[name].color}`, "data-of": name }, lineSample(arms[name].dash), arms[name].title)));
    point();
  });
}

/** A chart: `draw(arms, reference)`, `point(step)`, `light(arm)` and, of an arm at a step, `at(arm, step)`. */
function chart(quantity, arms, first, last) {
  const lines = drawn("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", role: "img" });
  const axes = drawn("svg", { class: "ticks", "aria-hidden": "true" });
  const cursor = drawn("line", { class: "cursor", y1: 0, y2: HIGH });
  const plot = element("div", { class: "plot" }, lines, axes);
  const title = element("figcaption");
  const figure = element("figure", {}, title, plot);
  const across = (step) => ((step - first) / (last - first || 1)) * WIDE;
  let shown = {};

  function draw(names, reference) {
    const base = reference ? quantity.arms[reference] : null;
    shown = {};
    for (const name of names) {
      const trace = quantity.arms[name];
      if (trace && trace.steps.length) shown[name] = base ? relative(trace, base) : trace;
    }
    figure.hidden = Object.keys(shown).length === 0;
    title.textContent = quantity.title + (base ? `, less that of ${arms[reference].title}` : reference ? " (the reference has none)" : "");
    const [low, high] = range(Object.values(shown), quantity.share && !base);
    const down = (value) => HIGH - ((value - low) / (high - low)) * HIGH;
    const path = (xs, ys) => xs.map((step, i) => `${across(step).toFixed(1)},${down(ys[i]).toFixed(1)}`).join(" ");
    lines.setAttribute("aria-label", `${title.textContent}: ${Object.keys(shown).map((name) => `${arms[name].title} ends at ${short(shown[name].mean.at(-1))}`).join(", ")}`);
    const yTicks = niceTicks(low, high, 3);
    lines.replaceChildren(
      drawn("g", { class: "grid" }, ...yTicks.map((at) => drawn("line", { x1: 0, x2: WIDE, y1: down(at), y2: down(at), class: at === 0 && base ? "zero" : null }))),
      ...Object.entries(shown).flatMap(([name, trace]) => [
        trace.low ? drawn("polygon", { class: `band c${arms[name].color}`, points: `${path(trace.steps, trace.high)} ${path([...trace.steps].reverse(), [...trace.low].reverse())}`, "data-of": name }) : null,
        drawn("polyline", { class: `mean c${arms[name].color} d${arms[name].dash}`, points: path(trace.steps, trace.mean), "data-of": name }),
      ]).filter(Boolean),
      cursor,
    );
    axes.replaceChildren(
      ...yTicks.map((at) => drawn("text", { class: "y", x: 0, dx: -7, y: `${(down(at) / HIGH) * 100}%`, dy: 4 }, base ? signed(at) : short(at))),
      ...niceTicks(first, last, 3).map((at) => drawn("text", { class: "x", x: `${(across(at) / WIDE) * 100}%`, y: "100%", dy: 16 }, short(at))),
    );
  }

  function point(step) {
    cursor.setAttribute("x1", across(step));
    cursor.setAttribute("x2", across(step));
  }

  function light(arm) {
    for (const line of lines.querySelectorAll("[data-of]")) line.classList.toggle("faded", arm !== null && line.dataset.of !== arm);
  }

  return { figure, plot, draw, point, light, title: quantity.title, at: (arm, step) => valueAt(shown[arm], step) };
}

/** Lowest and highest value; of shares 0 to 1. */
function range(traces, share) {
  const values = traces.flatMap((trace) => [...trace.mean, ...(trace.low ?? []), ...(trace.high ?? [])]);
  const means = traces.flatMap((trace) => trace.mean);
  if (share && means.every((value) => value >= 0 && value <= 1)) return [0, 1];
  const low = values.reduce((one, other) => Math.min(one, other), 0);
  const high = values.reduce((one, other) => Math.max(one, other), 0);
  return high > low ? [low, high] : [low, low + 1];
}

/** A trace less the mean of another at each step, taken as straight between the other's steps. */
function relative(trace, base) {
  const less = (values) => values?.map((value, i) => value - between(base, trace.steps[i]));
  return { steps: trace.steps, mean: less(trace.mean), low: less(trace.low), high: less(trace.high) };
}

function between(trace, step) {
  const after = Math.max(trace.steps.findIndex((at) => at >= step), 0) || (step > trace.steps[0] ? trace.steps.length - 1 : 0);
  const before = Math.max(after - 1, 0);
  const gap = trace.steps[after] - trace.steps[before];
  const share = gap ? Math.min((step - trace.steps[before]) / gap, 1) : 0;
  return trace.mean[before] + share * (trace.mean[after] - trace.mean[before]);
}

/** Mean and interval at the step of the trace that is nearest. */
function valueAt(trace, step) {
  if (!trace) return null;
  let at = trace.steps.findIndex((one) => one >= step);
  if (at < 0) at = trace.steps.length - 1;
  if (at > 0 && step - trace.steps[at - 1] < trace.steps[at] - step) at -= 1;
  return { mean: trace.mean[at], low: trace.low?.[at], high: trace.high?.[at] };
}

function fillTable(table, charts, names, arms, step) {
  const drawnCharts = charts.filter((one) => !one.figure.hidden);
  const cell = (one, name) => {
    const value = one.at(name, step);
    const bounds = value?.low === undefined ? null : element("small", {}, `[${short(value.low)}, ${short(value.high)}]`);
    return element("td", { class: "n" }, value ? short(value.mean) : "\u2013", value ? bounds : null);
  };
  table.tHead.replaceChildren(element("tr", {}, element("th", {}, `At step ${step}`), ...drawnCharts.map((one) => element("th", { class: "n" }, one.title))));
  table.tBodies[0].replaceChildren(
    ...names.map((name) =>
      element(
        "tr",
        { "data-of": name },
        element("th", { scope: "row", class: `arm c${arms[name].color}` }, lineSample(arms[name].dash), arms[name].title),
        ...drawnCharts.map((one) => cell(one, name)),
      ),
    ),
  );
}

function lineSample(dash) {
  return drawn("svg", { class: "sample", "aria-hidden": "true" }, drawn("line", { class: `d${dash}`, x1: 0, x2: "100%", y1: "50%", y2: "50%" }));
}
