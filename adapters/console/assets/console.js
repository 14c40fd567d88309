// The console's only script. Pages work without it, but for the replay; it makes them livelier.
"use strict";

const byId = (id) => document.getElementById(id);
const make = (tag, text, attributes = {}) => {
  const element = document.createElement(tag);
  element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
};

// Times are shown as the operator's clock shows them; the exact one is in the tooltip.
function localTimes(within) {
  for (const time of within.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    time.title = time.dateTime;
    time.textContent = at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
  }
}

// What cannot be undone is asked about.
document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});

// Replaces a part of the page by what the server draws now; a part that is in use is left alone.
async function refresh(target, address) {
  const answer = await fetch(address, { redirect: "manual" });
  if (answer.type === "opaqueredirect") { location.assign("/console/sign-in"); return false; }
  const text = await answer.text();
  const drawn = new DOMParser().parseFromString(text, "text/html");
  const fresh = drawn.getElementById(target.id) ?? drawn.querySelector(".said");
  if (!fresh || target.contains(document.activeElement)) return answer.ok;
  target.replaceChildren(...(fresh.id === target.id ? fresh.childNodes : [fresh]));
  localTimes(target);
  return answer.ok;
}

// An aggregate's timeline: the slider shows the versions as it moves.
function timeline() {
  const slider = byId("version");
  const shown = byId("at");
  if (!slider || !shown) return;
  let newest = 0;
  slider.addEventListener("input", async () => {
    byId("version-shown").textContent = slider.value;
    const turn = ++newest;
    await new Promise((resolve) => setTimeout(resolve, 60));
    if (turn !== newest) return;
    const address = new URL(location.href);
    for (const [name, value] of new FormData(slider.form)) address.searchParams.set(name, value);
    await refresh(shown, address);
    if (turn === newest) history.replaceState(null, "", address);
  });
}

// One subscription over graphql-transport-ws. Gives back how to end it; then nothing more is told.
function subscribe(query, variables, told) {
  const address = new URL("/console/live", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(address, "graphql-transport-ws");
  let over = false;
  const say = (message) => socket.send(JSON.stringify(message));
  const end = () => { over = true; socket.close(1000); };
  socket.onopen = () => say({ type: "connection_init" });
  socket.onclose = ({ code, reason }) => {
    if (over) return;
    over = true;
    told.closed(reason || String(code), code);
  };
  socket.onmessage = ({ data }) => {
    if (over) return;
    const message = JSON.parse(data);
    switch (message.type) {
      case "connection_ack":
        say({ id: "1", type: "subscribe", payload: { query, variables } });
        break;
      case "ping":
        say({ type: "pong" });
        break;
      case "next":
        told.next(message.payload);
        break;
      case "error":
        end();
        told.refused(message.payload[0]?.message ?? "It was refused.");
        break;
      case "complete":
        end();
        told.complete();
        break;
    }
  };
  return end;
}

// Projections follow one subscription. The page itself is not asked for again: each look at it is an
// operator's act, and in the audit trail.
const PROGRESS = `subscription ConsoleProgress {
  projectionProgress { at projections {
    name state position lagEvents lagSeconds rate lastError deadLetters
    rebuild { phase percent events rate secondsLeft differingRows lockedMs error } } } }`;

function projections() {
  const list = byId("projections");
  if (!list) return;
  const [watch, watched, others] = ["watch", "watched", "others"].map(byId);
  const rows = new Map([...list.querySelectorAll("[data-projection]")].map((row) => [row.dataset.projection, row]));
  const drawnLetters = [...rows.values()].reduce((sum, row) => sum + Number(row.dataset.dead), 0);
  const POINTS = 60, POINT_MS = 10_000, RETRY_FIRST_MS = 5_000, RETRY_MAX_MS = 60_000;
  const NO_RIGHT = 4403;
  const lags = new Map();
  let pause = RETRY_FIRST_MS;

  const write = (element, text) => { if (element.textContent !== text) element.textContent = text; };
  const say = (text, kind = "") => { write(watch, text); watch.className = kind; };

  // A point of the plot is the most of ten seconds.
  const plot = (row, name, lag) => {
    const kept = lags.get(name) ?? [];
    const newest = kept.at(-1);
    if (newest && Date.now() - newest.since < POINT_MS) newest.lag = Math.max(newest.lag, lag);
    else kept.push({ since: Date.now(), lag });
    if (kept.length > POINTS) kept.shift();
    lags.set(name, kept);
    const most = Math.max(1, ...kept.map((point) => point.lag));
    const points = kept.map((point, n) => `${(n * 140) / (POINTS - 1)},${34 - (point.lag / most) * 32}`);
    row.querySelector("polyline").setAttribute("points", points.join(" "));
  };

  const isUnderWay = (rebuild) => rebuild !== null && !["KEPT", "FAILED"].includes(rebuild.phase);
  const toldOf = (rebuild) => {
    if (rebuild === null) return "";
    const { percent, events, rate, secondsLeft, differingRows, lockedMs } = rebuild;
    if (isUnderWay(rebuild)) {
      const left = secondsLeft === null ? "" : `, ${secondsLeft.toFixed(0)} s left`;
      return `${percent.toFixed(0)} %, ${events} events, ${rate.toFixed(0)}/s${left}`;
    }
    const swapped = lockedMs === null ? "" : `, swapped in ${lockedMs.toFixed(1)} ms`;
    return differingRows === null ? "" : `${differingRows} rows differed${swapped}`;
  };

  const draw = (row, each) => {
    const cell = (name) => row.querySelector(`[data-cell=${name}]`);
    const { rebuild } = each;
    const isStopped = ["PAUSED", "HALTED"].includes(each.state);
    write(cell("state"), each.state.toLowerCase());
    cell("state").className = { HALTED: "bad", RUNNING: "good", OFF: "faint" }[each.state] ?? "warn";
    write(cell("error"), each.lastError ?? "");
    write(cell("dead"), `${each.deadLetters} dead`);
    cell("dead").hidden = each.deadLetters === 0;
    write(cell("position"), each.position);
    write(cell("lag"), String(each.lagEvents));
    write(cell("seconds"), `${each.lagSeconds.toFixed(1)} s`);
    write(cell("rate"), `${each.rate.toFixed(0)}/s`);
    write(cell("phase"), rebuild?.phase.toLowerCase() ?? "");
    cell("bar").value = rebuild?.percent ?? 0;
    cell("bar").hidden = !isUnderWay(rebuild);
    write(cell("build"), toldOf(rebuild));
    write(cell("broken"), rebuild?.error ?? "");
    const may = {
      resume: isStopped, pause: !isStopped, cancel: isUnderWay(rebuild), rebuild: !isUnderWay(rebuild),
      rollback: rebuild?.phase === "KEPT",
    };
    for (const form of row.querySelectorAll("[data-act]")) form.hidden = !may[form.dataset.act];
    plot(row, each.name, each.lagEvents);
  };

  const begin = () => {
    // Nobody looks: then nobody is asked.
    if (document.hidden) { document.addEventListener("visibilitychange", begin, { once: true }); return; }
    const begun = Date.now();
    subscribe(PROGRESS, {}, {
      next({ data, errors }) {
        for (const { message } of errors ?? []) say(`Not live: ${message}.`, "bad");
        if (!data) return;
        const { at, projections: all } = data.projectionProgress;
        for (const each of all) if (rows.has(each.name)) draw(rows.get(each.name), each);
        others.hidden = all.reduce((sum, each) => sum + each.deadLetters, 0) === drawnLetters;
        watched.dateTime = at;
        write(watched, new Date(at).toLocaleTimeString());
        say("Live, as of");
      },
      refused(why) { say(`Not live: ${why}.`, "bad"); },
      complete() { say("Not live any more.", "bad"); },
      closed(why, code) {
        say(`Not live: the connection ended (${why}).`, "bad");
        if (code === NO_RIGHT) return;
        if (Date.now() - begun > RETRY_MAX_MS) pause = RETRY_FIRST_MS;
        setTimeout(begin, pause);
        pause = Math.min(2 * pause, RETRY_MAX_MS);
      },
    });
  };
  begin();
}

// The replay: one subscription over graphql-transport-ws, and at most KEPT events on the page.
const REPLAY = `subscription ConsoleReplay($from: Cursor, $to: Cursor, $filter: AuditFilter, $speed: Float) {
  auditReplay(from: $from, to: $to, filter: $filter, speed: $speed) {
    cursor
    event { position recordedAt eventType aggregateType aggregateId version actorKind command }
    progress { position done total percent rate secondsLeft caughtUp }
  } }`;

function replay() {
  const form = byId("replay");
  if (!form) return;
  const KEPT = 500;
  const [start, stop, resume] = ["start", "stop", "resume"].map(byId);
  const [bar, progress, events, kept] = ["bar", "progress", "events", "kept"].map(byId);
  let stopLive = null;
  let cursor = null;
  let waiting = [];
  let last = null;
  let count = 0;

  const running = (is) => {
    start.disabled = is; stop.disabled = !is; resume.disabled = is || cursor === null;
  };
  const say = (text, kind = "") => { progress.textContent = text; progress.className = kind; };

  // Drawn once a frame, however fast events come.
  const draw = () => {
    if (waiting.length) {
      const rows = waiting.slice(-KEPT).reverse().map((event) => {
        const row = document.createElement("li");
        const [type, id] = [event.aggregateType, event.aggregateId].map(encodeURIComponent);
        row.append(
          make("small", `#${event.position}`),
          make("time", event.recordedAt, { datetime: event.recordedAt }),
          make("a", event.eventType, { href: `/console/aggregates/${type}/${id}?version=${event.version}` }),
          make("small", `${event.command} by ${event.actorKind}`),
        );
        return row;
      });
      waiting = [];
      events.prepend(...rows);
      while (events.children.length > KEPT) events.lastElementChild.remove();
      localTimes(events);
      kept.textContent = `(${count.toLocaleString()} received, newest ${events.children.length} shown)`;
    }
    if (last) {
      const { done, total, percent, rate, secondsLeft, caughtUp } = last;
      bar.value = percent;
      const left = secondsLeft === null ? "" : `, ${Math.ceil(secondsLeft)} s left`;
      say(caughtUp
        ? `Live: ${done.toLocaleString()} events looked at, waiting for new ones.`
        : `${done.toLocaleString()} of ${total.toLocaleString()} (${percent.toFixed(1)} %), ${Math.round(rate).toLocaleString()} events/s${left}`);
      last = null;
    }
    if (stopLive) requestAnimationFrame(draw);
  };

  const end = (text, kind) => {
    stopLive?.();
    stopLive = null;
    draw();
    running(false);
    if (text) say(text, kind);
  };

  const begin = (from) => {
    const fields = Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== ""));
    const { from: after, to, speed, ...filter } = fields;
    const variables = { from: from ?? after, to, filter, speed: speed ? Number(speed) : undefined };
    running(true);
    say("Connecting…");
    stopLive = subscribe(REPLAY, variables, {
      next({ data, errors }) {
        for (const error of errors ?? []) {
          events.prepend(make("li", `At position ${error.extensions?.position ?? "?"}: ${error.message}`, { class: "bad" }));
          cursor = error.extensions?.cursor ?? cursor;
        }
        const item = data?.auditReplay;
        if (!item) return;
        cursor = item.cursor;
        last = item.progress;
        if (item.event) { waiting.push(item.event); count += 1; }
        if (waiting.length > 4 * KEPT) waiting = waiting.slice(-KEPT);
      },
      refused(why) { end(why, "bad"); },
      complete() { end("Complete.", "good"); },
      closed(why) { end(`The connection ended: ${why}. It can be resumed.`, "bad"); },
    });
    requestAnimationFrame(draw);
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    cursor = null; count = 0; waiting = [];
    events.replaceChildren();
    begin(null);
  });
  stop.addEventListener("click", () => end("Stopped. It can be resumed."));
  resume.addEventListener("click", () => begin(cursor));
}

localTimes(document);
timeline();
projections();
replay();
