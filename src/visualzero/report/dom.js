// Making the page's parts. Text of data or models only ever becomes a text node, never markup.

const MINUS = "\u2212";

/** An HTML element with attributes (false and null are left out) and children: nodes, texts, or null for none. */
function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** The same for SVG. */
function drawn(name, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function filled(made, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== false && value !== null) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** Options of a select, as (value, text) or one string for both. */
function options(pairs) {
  return pairs.map((pair) => {
    const [value, text] = Array.isArray(pair) ? pair : [pair, pair];
    return element("option", { value }, text);
  });
}

/** JSON that stands in the page. */
function embedded(id) {
  return JSON.parse(document.getElementById(id).textContent);
}

/** A number with three significant digits, as axes have it. */
function short(value) {
  if (Math.abs(value) >= 10000) return `${Number((value / 1000).toPrecision(4))}k`.replace("-", MINUS);
  const text = Math.abs(value) >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
  return text.replaceAll("-", MINUS);
}

/** A difference with its sign. */
function signed(value, text = short) {
  return value > 0 ? `+${text(value)}` : text(value);
}

/** About `count` round numbers within [low, high]. */
function niceTicks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => power * factor).find((size) => size >= rough * 0.999);
  const ticks = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + 1e-9 * step; at += 1)
    ticks.push(Number((at * step).toPrecision(12)));
  return ticks;
}

/** What scrolls can be reached by keyboard, and what doesn't is no stop on the way. */
function reachable(parts) {
  const scrolls = (part) => part.scrollWidth > part.clientWidth || part.scrollHeight > part.clientHeight;
  const found = [...parts].map((part) => [part, scrolls(part)]);
  for (const [part, yes] of found) part.tabIndex = yes ? 0 : -1;
}

/** Keeps parts so, each once it is near the window: those far away needn't be laid out to find out. */
function watchReach(parts) {
  const near = new Set();
  const reach = eachFrame(() => reachable(near));
  const observer = new IntersectionObserver(
    (seen) => {
      for (const { target, isIntersecting } of seen) near[isIntersecting ? "add" : "delete"](target);
      reach();
    },
    { rootMargin: "100%" },
  );
  for (const part of parts) observer.observe(part);
  window.addEventListener("resize", reach);
  document.addEventListener("toggle", reach, true);
}

/** Calls `work` once before the next frame, however often it is asked for. */
function eachFrame(work) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      work();
    });
  };
}
