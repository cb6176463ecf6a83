// The table of single events, and what was recorded.

const eventsTable = (() => {
  // So many rows at a time; where they stand below each other, fewer.
  const PAGE = matchMedia("(max-width: 760px)").matches ? 40 : 200;
  const [query, only, inWindow, body, more] = [byId("query"), byId("only-event"), byId("only-window"), byId("rows").tBodies[0], byId("more")];
  const rows = data.rows.map(([time, event, cpu, process, thread, text], at) => {
    const name = data.events[event].name;
    const of = process === null ? undefined : data.processes[process];
    const who = of ? processName(of) + (thread === null || thread === of.pid ? "" : `, thread ${thread}`) : thread === null ? "" : `thread ${thread}`;
    const on = cpu === null ? "" : data.cpus[cpu].name;
    return { at, time, event, name, who, on, text, all: `${name}\n${who}\n${on}\n${text}`.toLowerCase() };
  });
  const isWhole = rows.length === data.total;
  byId("events-aside").textContent = isWhole ? `all ${count(data.total)}` : `${count(rows.length)} of ${count(data.total)} are in this page: the first, the last, all rare ones, and a sample of the others`;
  const names = [...new Set(rows.map((row) => row.event))].sort((a, b) => (data.events[a].name < data.events[b].name ? -1 : 1));
  only.append(...names.map((event) => el("option", { value: data.events[event].name }, data.events[event].name)));
  let found = [], drawn = 0, words = [];

  // The text with what was searched for marked.
  function marked(text) {
    if (!words.length) return [text];
    const lower = text.toLowerCase();
    if (lower.length !== text.length) return [text];
    const out = [];
    let at = 0;
    while (at < text.length) {
      let next = -1, length = 0;
      for (const word of words) {
        const place = lower.indexOf(word, at);
        if (place >= 0 && (next < 0 || place < next)) [next, length] = [place, word.length];
      }
      if (next < 0) break;
      out.push(text.slice(at, next), el("mark", {}, text.slice(next, next + length)));
      at = next + length;
    }
    out.push(text.slice(at));
    return out;
  }
  function rowOf(row, before) {
    const since = before ? `+${duration(row.time - before.time)}` : "";
    const element = el("tr", { tabindex: "-1", title: data.hasClock ? clock(row.time) : undefined },
      el("td", { class: "when number" }, offset(row.time, 1000)),
      el("td", { class: "since" }, data.hasClock ? since : ""),
      el("td", { class: "event" }, timeline.swatch(row.event < COLORS ? `c${row.event}` : "other"), ...marked(row.name)),
      el("td", { class: "cpu" }, ...marked(row.on)),
      el("td", { class: "process" }, ...marked(row.who)),
      el("td", { class: "fields mono" }, ...marked(row.text)));
    element.rttngRow = row;
    return element;
  }
  function extend() {
    const next = found.slice(drawn, drawn + PAGE);
    body.append(...next.map((row, i) => rowOf(row, found[drawn + i - 1])));
    drawn += next.length;
    more.hidden = drawn >= found.length;
    more.textContent = `Show ${count(Math.min(PAGE, found.length - drawn))} more of ${count(found.length - drawn)}`;
  }
  function search() {
    words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
    found = rows.filter((row) => (!only.value || row.name === only.value)
      && (!inWindow.checked || (row.time >= shown.from && row.time <= shown.to))
      && words.every((word) => row.all.includes(word)));
    body.replaceChildren();
    drawn = 0;
    extend();
    if (body.rows.length) body.rows[0].tabIndex = 0;
    const limited = words.length || only.value || (inWindow.checked && !isAll());
    byId("found").textContent = limited ? `${plural(found.length, "event")} found${isWhole ? "" : ` among the ${count(rows.length)} in this page`}` : found.length ? "" : "There is no event in this page.";
  }
  let timer = 0;
  query.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(search, 60); });
  only.addEventListener("change", search);
  inWindow.addEventListener("change", search);
  byId("filters").addEventListener("submit", (event) => { event.preventDefault(); search(); });
  more.addEventListener("click", () => {
    const first = drawn;
    extend();
    focus(body.rows[first]);
  });
  listeners.push(() => { if (inWindow.checked) search(); });

  // One row can be reached with Tab, the others from there with the arrows.
  function focus(row) {
    if (!row) return;
    for (const other of body.querySelectorAll('tr[tabindex="0"]')) other.tabIndex = -1;
    row.tabIndex = 0;
    row.focus();
  }
  body.addEventListener("keydown", (event) => {
    const row = event.target.closest("tr");
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    const to = { ArrowDown: row.nextElementSibling, ArrowUp: row.previousElementSibling, Home: body.firstElementChild, End: body.lastElementChild }[event.key];
    if (to) {
      event.preventDefault();
      focus(to);
    } else if (event.key === "ArrowDown" && !more.hidden) {
      event.preventDefault();
      extend();
      focus(row.nextElementSibling);
    } else if (event.key === "Enter") {
      timeline.point(row.rttngRow.time);
    }
  });
  body.addEventListener("dblclick", (event) => {
    const row = event.target.closest("tr");
    if (row && !String(getSelection())) timeline.point(row.rttngRow.time);
  });
  // A slash goes to the search, as in many programs.
  document.addEventListener("keydown", (event) => {
    const typing = /^(input|select|textarea)$/i.test(event.target.tagName) && event.target.type !== "radio" && event.target.type !== "checkbox";
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      query.focus();
    }
  });
  search();
  return {
    only(name) {
      only.value = name;
      search();
      byId("events").scrollIntoView({ block: "start" });
      only.focus({ preventScroll: true });
    },
  };
})();

{
  const body = byId("recorded-body");
  const table = (heads, rows) => el("div", { class: "kinds" }, el("table", {},
    el("thead", {}, el("tr", {}, ...heads.map(([name, kind]) => el("th", { scope: "col", class: kind }, name)))),
    el("tbody", {}, ...rows.map((cells) => el("tr", {}, ...cells.map((cell, i) => el("td", { class: heads[i][1] }, cell)))))));
  const traces = data.traces.map((trace) => [
    trace.host || "",
    trace.process ? `${trace.process}${trace.pid === null ? "" : ` (${trace.pid})`}` : trace.scheme === "uid" ? "all of a user" : trace.domain || "",
    [trace.tracer, trace.tracerVersion].filter(Boolean).join(" ") || "",
    trace.session || "",
    count(trace.streams),
    bytes(trace.bytes),
    trace.path || trace.name,
  ]);
  body.append(table([["Host"], ["Processes"], ["Tracer"], ["Session"], ["Streams", "number"], ["Size", "number"], ["Folder", "path"]], traces));
  if (data.traceCount > data.traces.length) body.append(el("p", { class: "note" }, `and ${plural(data.traceCount - data.traces.length, "trace")} more`));
  const streams = data.streams.map((one) => [
    one.file || "",
    count(one.events),
    count(one.packets),
    bytes(one.bytes),
    one.bytes ? `${digits((one.content / one.bytes) * 100)} %` : "",
    one.begin === null ? "" : offset(one.begin, 1e6),
    one.end === null ? "" : offset(one.end, 1e6),
  ]);
  body.append(el("details", {}, el("summary", {}, `${plural(data.streamCount, "stream")} in ${plural(data.packets, "packet")}`),
    table([["File"], ["Events", "number"], ["Packets", "number"], ["Size", "number"], ["Filled", "number"], ["First packet", "number"], ["Last packet ends", "number"]], streams),
    data.streamCount > data.streams.length ? el("p", { class: "note" }, `and ${plural(data.streamCount - data.streams.length, "stream")} more`) : ""));
  body.append(el("details", {}, el("summary", {}, `${plural(data.events.length, "kind")} of events`),
    table([["Name"], ["Level"], ["Count", "number"]], data.events.map((event) => [event.name, event.level || "", count(event.count)]))));

  // A link to a span of time.
  const link = /^#from=(\d+)&to=(\d+)$/.exec(location.hash);
  if (link) show(Number(link[1]), Number(link[2]));
}
