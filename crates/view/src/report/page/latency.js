// How long it took from a begin to its end: a line for each pair on one scale, and one of them in full.

{
  const body = byId("latency-body");
  const pairs = data.pairs.filter((pair) => pair.count > 0);
  // What both names have in common, and in which words they differ: syscall_read (entry → exit).
  const base = ({ begin, end }) => {
    const parts = /[_:.\-]/;
    const shorter = Math.min(begin.length, end.length);
    let same = 0;
    while (same < shorter && begin[same] === end[same]) same++;
    while (same > 0 && !parts.test(begin[same - 1])) same--;
    let tail = 0;
    while (tail < shorter - same && begin.at(-1 - tail) === end.at(-1 - tail)) tail++;
    while (tail > 0 && !parts.test(begin.at(-tail))) tail--;
    const common = begin.slice(0, same).replace(/[_:.\-]+$/, "") + begin.slice(begin.length - tail);
    const [from, to] = [begin.slice(same, begin.length - tail), end.slice(same, end.length - tail)];
    return common && from && to ? `${common} (${from} → ${to})` : `${begin} → ${end}`;
  };
  const ties = {
    field: (pair) => `told apart by the field ${pair.key}`,
    thread: () => "by thread",
    process: () => "by process: threads were not recorded (context vtid), so parallel ones may be mixed up",
    cpu: () => "by CPU: neither threads nor processes were recorded (contexts vtid, vpid), so some may be mixed up",
  };
  const log = Math.log10;
  let low = Infinity, high = 1;
  for (const pair of pairs) { low = Math.min(low, Math.max(pair.min, 1)); high = Math.max(high, pair.max, 2); }
  [low, high] = [Math.floor(log(low) * 2) / 2, Math.ceil(log(high) * 2 + 1e-9) / 2];
  if (high <= low) high = low + 0.5;

  // Counts in even logarithmic bins, from the finer buckets.
  function bins(pair, from, to, number) {
    const out = new Float64Array(number);
    for (const [start, many] of pair.buckets) {
      const end = start < 16 ? start + 1 : start + 2 ** (Math.floor(Math.log2(start)) - 4);
      const place = (value) => ((log(Math.max(value, 1)) - from) / (to - from)) * number;
      const [a, b] = [place(start), place(end)];
      const wide = Math.max(b - a, 1e-9);
      for (let i = Math.max(0, Math.floor(a)); i <= Math.min(number - 1, Math.floor(b)); i++) {
        const part = Math.max(0, Math.min(b, i + 1) - Math.max(a, i)) / wide;
        out[i] += many * part;
      }
      if (a < 0 || a >= number) out[Math.min(Math.max(Math.floor(a), 0), number - 1)] += b <= 0 || a >= number ? many : 0;
    }
    return out;
  }
  function mini(pair) {
    const number = 60;
    const counts = bins(pair, low, high, number);
    const most = Math.max(...counts, 1);
    const bars = [];
    counts.forEach((value, i) => {
      if (value > 0) {
        const tall = Math.max(1.5, Math.sqrt(value / most) * 29);
        bars.push(svg("rect", { x: i + 0.06, y: (30 - tall).toFixed(2), width: 0.88, height: tall.toFixed(2) }));
      }
    });
    return svg("svg", { viewBox: `0 0 ${number} 30`, preserveAspectRatio: "none", "aria-hidden": "true", class: "mini" }, ...bars);
  }

  if (!pairs.length) {
    const unmatched = data.pairs.length > 0 ? ` ${plural(data.pairs.length, "pair")} of names was found, but no begin met its end.` : "";
    body.append(el("p", { class: "note" }, "No pairs of events were found whose names say that one begins what the other ends: x_begin and x_end, x_entry and x_exit, x_start and x_stop, x_done or x_end.", unmatched, " Others can be named: ", el("code", {}, "rttng report --pair BEGIN,END"), "."));
  } else {
    byId("latency-aside").textContent = `${plural(pairs.length, "pair")}, on one logarithmic scale`;
    const detail = el("div", { class: "detail" });
    const rows = pairs.map((pair) => {
      const button = el("button", { type: "button", "aria-expanded": "false", title: `${pair.begin} → ${pair.end}`, onclick: () => choose(pair) }, base(pair));
      const [p50, p90, p99] = pair.percentiles;
      const cell = (value, kind) => el("td", { class: `number ${kind || ""}` }, value);
      const row = el("tr", {}, el("td", {}, button), cell(short(pair.count), "wide"), cell(duration(p50)), cell(duration(p90), "wide"), cell(duration(p99)), cell(duration(pair.max), "wide"), cell(duration(pair.sum), "wide"), el("td", { class: "mini" }, mini(pair)));
      return { pair, row, button };
    });
    const heading = (text, kind, title) => el("th", { scope: "col", class: kind, title }, text);
    body.append(el("div", { class: "scroll" }, el("table", { class: "pairs" }, el("thead", {}, el("tr", {},
      heading("From … to"), heading("Count", "number wide"), heading("Half within", "number", "50th percentile"), heading("90 %", "number wide", "90th percentile"), heading("99 %", "number", "99th percentile"), heading("Longest", "number wide"), heading("All together", "number wide"),
      heading(`${duration(10 ** low)} to ${duration(10 ** high)}`, "mini"))), el("tbody", {}, ...rows.map(({ row }) => row)))), detail);
    let redraw = () => {};
    function choose(pair) {
      for (const one of rows) {
        one.row.classList.toggle("chosen", one.pair === pair);
        one.button.setAttribute("aria-expanded", String(one.pair === pair));
      }
      const picture = el("canvas", { role: "img", tabindex: "0" });
      const tip = el("div", { class: "tip", hidden: true });
      const [p50, p90, p99, p999] = pair.percentiles;
      picture.setAttribute("aria-label", `Histogram of ${count(pair.count)} durations from ${pair.begin} to ${pair.end}: half within ${duration(p50)}, 90 % within ${duration(p90)}, 99 % within ${duration(p99)}, longest ${duration(pair.max)}`);
      const slow = pair.slowest.map(([took, begin, process, thread]) => el("tr", {},
        el("td", { class: "number" }, duration(took)),
        el("td", { class: "number" }, offset(begin, 1000)),
        el("td", {}, process === null ? (thread === null ? "" : `thread ${thread}`) : processName(data.processes[process]) + (thread === null || thread === data.processes[process].pid ? "" : `, thread ${thread}`)),
        el("td", { class: "number" }, el("button", { type: "button", "aria-label": `Show the one of ${duration(took)} in the timeline`, onclick: () => timeline.point(begin, begin + took) }, "Show"))));
      const words = [`${ties[pair.tie] ? ties[pair.tie](pair) : ""}`];
      if (pair.openBegins) words.push(`${plural(pair.openBegins, "begin")} without an end`);
      if (pair.strayEnds) words.push(`${plural(pair.strayEnds, "end")} without a begin`);
      detail.replaceChildren(
        el("div", { class: "picture" }, el("h3", {}, `${pair.begin} → ${pair.end}`),
          el("p", { class: "aside" }, `${plural(pair.count, "time")}, shortest ${duration(pair.min)}, mean ${duration(pair.sum / pair.count)}, 99.9 % within ${duration(p999)}; ${words.filter(Boolean).join("; ")}`),
          picture, tip),
        el("div", {}, el("h3", {}, "The slowest"), el("div", { class: "scroll slow" }, el("table", {}, el("thead", {}, el("tr", {}, el("th", { scope: "col", class: "number" }, "Took"), el("th", { scope: "col", class: "number" }, "Began at"), el("th", { scope: "col" }, "Where"), el("th", { scope: "col" }, el("span", { class: "spoken" }, "Timeline")))), el("tbody", {}, ...slow)))));
      drawFull(pair, picture, tip);
    }
    function drawFull(pair, picture, tip) {
      const from = Math.floor(log(Math.max(pair.min, 1)) * 4) / 4;
      const to = Math.max(Math.ceil(log(Math.max(pair.max, 2)) * 4 + 1e-9) / 4, from + 0.25);
      let number = 0, counts = [], pointed = null;
      const edge = { left: 44, right: 10, top: 26, bottom: 22 };
      redraw = () => {
        const { context, width, height, color } = canvas(picture);
        const inner = width - edge.left - edge.right;
        number = Math.max(8, Math.min(Math.round(inner / 9), Math.round((to - from) * 36)));
        counts = bins(pair, from, to, number);
        const most = Math.max(...counts, 1);
        const bottom = height - edge.bottom;
        const unit = niceStep(most, 4);
        const ceiling = Math.ceil(most / unit) * unit;
        const y = (value) => bottom - (value / ceiling) * (bottom - edge.top);
        const x = (value) => edge.left + ((log(Math.max(value, 1)) - from) / (to - from)) * inner;
        context.textBaseline = "middle";
        context.textAlign = "right";
        for (let value = 0; value <= ceiling; value += unit) {
          context.strokeStyle = color(value ? "grid" : "line");
          context.beginPath();
          context.moveTo(edge.left, Math.round(y(value)) + 0.5);
          context.lineTo(width - edge.right, Math.round(y(value)) + 0.5);
          context.stroke();
          context.fillStyle = color("faint");
          context.fillText(short(value), edge.left - 6, y(value));
        }
        counts.forEach((value, i) => {
          if (value <= 0) return;
          context.globalAlpha = pointed === null || pointed === i ? 1 : 0.55;
          context.fillStyle = color("c0");
          const top = Math.min(y(value), bottom - 1.5);
          context.fillRect(edge.left + (i * inner) / number + 0.5, top, inner / number - 1, bottom - top);
        });
        context.globalAlpha = 1;
        context.textBaseline = "top";
        context.fillStyle = color("faint");
        const marks = [];
        for (let power = 0; power < 19; power++) for (const n of [1, 2, 5]) marks.push(n * 10 ** power);
        const fits = marks.filter((value) => log(value) >= from - 1e-9 && log(value) <= to + 1e-9);
        const every = fits.length * 62 > inner ? fits.filter((value) => /^1/.test(String(value))) : fits;
        for (const value of every) {
          context.textAlign = x(value) > width - 40 ? "right" : x(value) < edge.left + 12 ? "left" : "center";
          context.fillText(duration(value), x(value), bottom + 7);
        }
        // The percentiles, as far as their names do not meet.
        let last = -Infinity;
        context.textBaseline = "alphabetic";
        for (const [name, value] of [["50 %", pair.percentiles[0]], ["90 %", pair.percentiles[1]], ["99 %", pair.percentiles[2]]]) {
          const at = Math.round(x(value)) + 0.5;
          context.strokeStyle = color("c2");
          context.setLineDash([3, 3]);
          context.beginPath();
          context.moveTo(at, edge.top - 4);
          context.lineTo(at, bottom);
          context.stroke();
          context.setLineDash([]);
          if (at - last > 34) {
            context.fillStyle = color("soft");
            context.textAlign = "center";
            context.fillText(name, Math.min(Math.max(at, edge.left + 10), width - 16), edge.top - 9);
            last = at;
          }
        }
      };
      const point = (i) => {
        pointed = i;
        redraw();
        if (i === null) { tip.hidden = true; return; }
        const value = (place) => 10 ** (from + ((to - from) * place) / number);
        const below = counts.slice(0, i + 1).reduce((sum, n) => sum + n, 0);
        tip.replaceChildren(el("b", {}, `${duration(value(i))} to ${duration(value(i + 1))}`), el("div", {}, `${plural(Math.round(counts[i]), "time")}; ${digits((below / pair.count) * 100)} % within`));
        tip.hidden = false;
        const inner = picture.clientWidth - edge.left - edge.right;
        const at = edge.left + ((i + 0.5) * inner) / number;
        const own = tip.getBoundingClientRect().width;
        tip.style.left = `${at + 12 + own > picture.clientWidth ? Math.max(0, at - 12 - own) : at + 12}px`;
        tip.style.top = `${picture.offsetTop + 30}px`;
      };
      const within = (i) => Math.min(Math.max(i, 0), number - 1);
      picture.addEventListener("pointermove", (event) => {
        const box = picture.getBoundingClientRect();
        point(within(Math.floor(((event.clientX - box.left - edge.left) / (box.width - edge.left - edge.right)) * number)));
      });
      picture.addEventListener("pointerleave", () => point(null));
      picture.addEventListener("blur", () => point(null));
      picture.addEventListener("keydown", (event) => {
        const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (!by) return;
        event.preventDefault();
        point(within((pointed === null ? Math.floor(number / 2) : pointed) + by));
        byId("spoken").textContent = tip.textContent;
      });
      redraw();
    }
    choose(pairs[0]);
    redraws.push(() => redraw());
    new ResizeObserver(() => redraw()).observe(body);
    if (data.droppedBegins) body.append(el("p", { class: "note" }, `${plural(data.droppedBegins, "begin")} were left out: too many were waiting for their ends.`));
  }
}

// What could not be read.
if (data.damage.count) {
  const { list, count } = data.damage;
  const shown = list.slice(0, 100);
  const body = byId("losses-body");
  body.append(
    el("p", { class: "warn", id: "damage" }, `The trace is damaged: ${plural(count, "part")} could not be read, and ${count === 1 ? "is" : "are"} not on this page.`),
    el("ul", { class: "faults" }, ...shown.map((fault) => el("li", {}, fault))));
  if (count > shown.length) body.append(el("p", { class: "note" }, `and ${count - shown.length} more`));
}

// What was lost, and where.
{
  const { events, packets, uncounted, list, more } = data.losses;
  const body = byId("losses-body");
  if (!events && !packets && !uncounted) {
    body.append(el("p", { class: "calm" }, el("b", {}, "Nothing was lost."), el("span", {}, "No event was discarded, no packet is missing.")));
  } else {
    const parts = [];
    if (events) parts.push(`${plural(events, "event")} discarded because a buffer was full`);
    if (packets) parts.push(`${plural(packets, "packet")} lost`);
    if (uncounted) parts.push(`maybe events before the start of ${plural(uncounted, "stream")}`);
    const share = events ? ` That is ${digits((events / (events + data.total)) * 100)} % of all events.` : "";
    body.append(el("p", { class: "warn" }, `${parts.join("; ")}.${share}`));
    const stream = (number) => {
      const one = data.streams[number];
      if (!one) return `stream ${number}`;
      const trace = data.traces.length > 1 && data.traces[one.trace] ? `${data.traces[one.trace].name}: ` : "";
      return `${trace}${one.file || `channel ${one.channel}, stream ${one.id}`}`;
    };
    const rows = list.slice(0, 300).map(([kind, number, begin, end, of]) => el("tr", {},
      el("td", { class: "number" }, begin === null ? "unknown" : offset(begin, 1e6)),
      el("td", { class: "number" }, begin === null ? "" : duration(end - begin)),
      el("td", { class: "number lost" }, number === null ? `some ${kind}` : `${count(number)} ${number === 1 ? kind.replace(/s$/, "") : kind}`),
      el("td", {}, stream(of)),
      el("td", { class: "number" }, begin === null ? "" : el("button", { type: "button", "aria-label": `Show the loss at ${offset(begin, 1e6)} in the timeline`, onclick: () => timeline.point(begin, end) }, "Show"))));
    const left = list.length - rows.length + more;
    body.append(el("div", { class: "scroll slow" }, el("table", {}, el("thead", {}, el("tr", {},
      ...[["From", "number"], ["During", "number"], ["Lost", "number"], ["Stream"]].map(([name, kind]) => el("th", { scope: "col", class: kind }, name)), el("th", { scope: "col" }, el("span", { class: "spoken" }, "Timeline")))), el("tbody", {}, ...rows))));
    if (left > 0) body.append(el("p", { class: "note" }, `and ${plural(left, "loss", "losses")} more`));
  }
}
