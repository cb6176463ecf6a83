// What all parts of the page share: the data, how it is written for people, and the span of time that is shown.

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);

// An element with text in it: nothing of a trace is ever taken for markup.
function el(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== null));
  return element;
}
function svg(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// Numbers and times for people.
const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const count = (n) => whole.format(n);
const plural = (n, one, many) => `${count(n)} ${n === 1 ? one : many || one + "s"}`;
function digits(n) {
  const size = Math.abs(n);
  return n.toFixed(size >= 100 || size === 0 ? 0 : size >= 10 ? 1 : 2).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
}
function short(n) {
  for (const [unit, size] of [["G", 1e9], ["M", 1e6], ["k", 1e3]]) {
    if (Math.abs(n) >= size * 0.9995) return `${digits(n / size)}\u202f${unit}`;
  }
  return n !== 0 && Math.abs(n) < 10 ? digits(n) : count(n);
}
const rate = (n) => `${short(n)}/s`;
function bytes(n) {
  for (const [unit, size] of [["TB", 1e12], ["GB", 1e9], ["MB", 1e6], ["kB", 1e3]]) {
    if (n >= size) return `${digits(n / size)}\u202f${unit}`;
  }
  return `${count(n)}\u202fB`;
}
function duration(ns) {
  if (!data.hasClock) return plural(ns, "event");
  const size = Math.abs(ns);
  if (size < 1e3) return `${digits(ns)}\u202fns`;
  if (size < 1e6) return `${digits(ns / 1e3)}\u202fµs`;
  if (size < 1e9) return `${digits(ns / 1e6)}\u202fms`;
  if (size < 120e9) return `${digits(ns / 1e9)}\u202fs`;
  const seconds = Math.round(ns / 1e9);
  const [days, hours, minutes] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  if (days > 0) return `${days}\u202fd ${hours}\u202fh`;
  if (hours > 0) return `${hours}\u202fh ${minutes}\u202fmin`;
  return `${minutes}\u202fmin ${seconds % 60}\u202fs`;
}
// A time since the start, as exact as a distance of `step` needs.
function offset(ns, step) {
  if (!data.hasClock) return `#${count(ns)}`;
  const places = Math.max(0, Math.min(9, 9 - Math.floor(Math.log10(Math.max(step, 1)) + 1e-9)));
  const seconds = (ns / 1e9).toFixed(places);
  return `${ns < 0 ? "" : "+"}${seconds}\u202fs`;
}
const origin = BigInt(data.origin);
const pad = (n, length) => String(n).padStart(length, "0");
// A time as clocks on the wall of the reader have it.
function clock(ns, places = 9) {
  if (!data.hasClock) return offset(ns, 1);
  const time = origin + BigInt(Math.round(ns));
  const second = 1000000000n;
  const fraction = ((time % second) + second) % second;
  const date = new Date(Number((time - fraction) / 1000000n));
  const of = `${pad(date.getHours(), 2)}:${pad(date.getMinutes(), 2)}:${pad(date.getSeconds(), 2)}`;
  return places > 0 ? `${of}.${pad(fraction, 9).slice(0, places)}` : of;
}
function day(ns) {
  const date = new Date(Number((origin + BigInt(Math.round(ns))) / 1000000n));
  return date.toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" });
}
const processName = (entry) => {
  const name = entry.name || "process";
  return (entry.pid === undefined ? name : `${name} (${entry.pid})`) + (entry.host ? ` on ${entry.host}` : "");
};

// Counts over time. A series is kept as sums up to each step, so that any span takes two looks.
const step = 2 ** data.shift;
const steps = Math.floor(data.end / step) + 1;
function sums(packed) {
  const sums = new Float64Array(steps + 1);
  let at = 0;
  for (const number of packed || []) {
    if (number < 0) {
      for (let i = 0; i < -number && at < steps; i++, at++) sums[at + 1] = sums[at];
    } else if (at < steps) {
      sums[at + 1] = sums[at] + number;
      at++;
    }
  }
  for (; at < steps; at++) sums[at + 1] = sums[at];
  return sums;
}
function sumTo(sums, time) {
  const place = Math.min(Math.max(time / step, 0), steps);
  const below = Math.min(Math.floor(place), steps - 1);
  return sums[below] + (sums[below + 1] - sums[below]) * (place - below);
}
const between = (sums, from, to) => sumTo(sums, to) - sumTo(sums, from);
for (const list of [data.events, data.cpus, data.processes]) {
  for (const entry of list) if (entry.series) entry.sums = sums(entry.series);
}
const otherSums = sums(data.otherEvents);
const allSums = new Float64Array(steps + 1);
for (const entry of data.events) if (entry.sums) for (let i = 0; i <= steps; i++) allSums[i] += entry.sums[i];
for (let i = 0; i <= steps; i++) allSums[i] += otherSums[i];

// The colours of the busiest, by what they are.
const COLORS = 8;
const colorOf = (rank) => (rank < COLORS ? `var(--c${rank})` : "var(--other)");

// The span that is shown; all parts hear when it changes.
const full = { from: 0, to: Math.max(data.end, step * steps, 1) };
full.to = Math.min(full.to, Math.max(data.end * 1.0005, 1));
const shown = { ...full };
const listeners = [];
const isAll = () => shown.from <= full.from && shown.to >= full.to;
const least = Math.min(data.hasClock ? 1000 : 4, full.to);
function show(from, to) {
  let span = Math.min(Math.max(to - from, least), full.to - full.from);
  const middle = (from + to) / 2;
  from = Math.min(Math.max(to - from < least ? middle - span / 2 : from, full.from), full.to - span);
  shown.from = from;
  shown.to = from + span;
  const hash = isAll() ? "" : `#from=${Math.round(shown.from)}&to=${Math.round(shown.to)}`;
  try {
    if (hash || /^#from=/.test(location.hash)) history.replaceState(null, "", hash || location.pathname + location.search);
  } catch { /* Some browsers keep pages on disk from this. */ }
  for (const listener of listeners) listener();
}
function zoom(factor, at = (shown.from + shown.to) / 2) {
  const span = Math.min(Math.max((shown.to - shown.from) * factor, least), full.to);
  const part = (at - shown.from) / (shown.to - shown.from);
  show(at - span * part, at + span * (1 - part));
}

// Light or dark: as the system has it, unless it was chosen.
const dark = matchMedia("(prefers-color-scheme: dark)");
const redraws = [];
const remember = {
  get() { try { return localStorage.getItem("rttng-theme"); } catch { return null; } },
  set(value) { try { localStorage.setItem("rttng-theme", value); } catch { /* Not where storage is forbidden. */ } },
};
function applyTheme() {
  const choice = document.querySelector("input[name=theme]:checked").value;
  document.documentElement.dataset.theme = choice === "auto" ? (dark.matches ? "dark" : "light") : choice;
  for (const redraw of redraws) redraw();
}
for (const input of document.querySelectorAll("input[name=theme]")) {
  if (input.value === remember.get()) input.checked = true;
  input.addEventListener("change", () => { remember.set(input.value); applyTheme(); });
}
dark.addEventListener("change", applyTheme);
applyTheme();

// A canvas as sharp as the screen; gives what to draw with and the size in CSS pixels.
function canvas(element) {
  const { width, height } = element.getBoundingClientRect();
  const ratio = window.devicePixelRatio || 1;
  const [w, h] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
  if (element.width !== w) element.width = w;
  if (element.height !== h) element.height = h;
  const context = element.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(`--${name}`).trim();
  context.font = "12px system-ui, sans-serif";
  return { context, width, height, color };
}
// Round steps of an axis: at most `most` of them over `span`.
function niceStep(span, most) {
  const rough = span / Math.max(most, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough * 0.999) || power * 10;
}

// The head of the page.
{
  const losses = data.losses;
  const lost = losses.events || losses.packets || losses.uncounted;
  const seconds = data.end / 1e9;
  let peak = 0, peakAt = 0;
  for (let i = 0; i < steps; i++) {
    if (allSums[i + 1] - allSums[i] > peak) { peak = allSums[i + 1] - allSums[i]; peakAt = i; }
  }
  const facts = [];
  const fact = (name, value, more, kind) => facts.push(
    el("div", { class: kind }, el("dt", {}, name), el("dd", {}, value, more ? el("small", {}, more) : undefined)));
  fact("Events", short(data.total), `${plural(data.events.length, "kind")}`);
  if (data.hasClock) {
    fact("Time", duration(data.end), data.total ? `from ${clock(0, 3)}` : undefined);
    if (data.total > 1 && seconds > 0) fact("Mean rate", rate(data.total / seconds), `at most ${rate(peak / (step / 1e9))} at ${offset(peakAt * step, step)}`);
  }
  fact("Size", bytes(data.bytes), data.total ? `${digits(data.bytes / data.total)}\u202fB an event` : undefined);
  fact("Recorded on", data.hosts.length === 1 ? data.hosts[0] : plural(data.hosts.length, "host"), `${plural(data.cpus.length, "CPU")}${data.processCount ? `, ${plural(data.processCount, "process", "processes")}` : ""}`);
  const what = losses.events ? [short(losses.events), losses.events === 1 ? "event discarded" : "events discarded"]
    : losses.packets ? [short(losses.packets), losses.packets === 1 ? "packet lost" : "packets lost"]
    : ["some", "uncounted"];
  if (lost) fact("Lost", what[0], what[1], "bad");
  else fact("Lost", "nothing", undefined, "good");
  if (data.damage.count) fact("Damage", short(data.damage.count), data.damage.count === 1 ? "part unreadable" : "parts unreadable", "bad");
  byId("facts").append(...facts);
  const tracers = [...new Set(data.traces.map((trace) => [trace.tracer, trace.tracerVersion].filter(Boolean).join(" ")).filter(Boolean))];
  const parts = [];
  if (data.hasClock && data.total) parts.push(`${day(0)}, ${clock(0, 0)} to ${clock(data.end, 0)}`);
  if (data.hosts.length) parts.push(data.hosts.slice(0, 3).join(", ") + (data.hosts.length > 3 ? " …" : ""));
  if (tracers.length) parts.push(tracers.join(", "));
  byId("subtitle").textContent = parts.join(" · ");
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  byId("made").textContent = `Made by rttng ${data.version}. Times are those of the time zone ${zone}. This page holds all of its data and asks no network.`;
}
