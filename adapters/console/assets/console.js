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

// Projections are drawn anew every 10 seconds; their lag is kept here for the plots. Not more often:
// each look is an operator's act, and in the audit trail.
function projections() {
  const list = byId("projections");
  if (!list) return;
  const lags = new Map();
  const plot = () => {
    for (const row of list.querySelectorAll("[data-projection]")) {
      const kept = lags.get(row.dataset.projection) ?? [];
      kept.push(Number(row.dataset.lag));
      lags.set(row.dataset.projection, kept.slice(-60));
      const most = Math.max(1, ...kept.slice(-60));
      const points = kept.slice(-60).map((lag, n) => `${(n * 140) / 59},${34 - (lag / most) * 32}`);
      row.querySelector("polyline")?.setAttribute("points", points.join(" "));
    }
  };
  plot();
  setInterval(async () => {
    if (document.hidden) return;
    await refresh(list, location.href).catch(() => false);
    plot();
  }, 10_000);
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
  let socket = null;
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
    if (socket) requestAnimationFrame(draw);
  };

  const end = (text, kind) => {
    const closing = socket;
    socket = null;
    closing?.close(1000);
    draw();
    running(false);
    if (text) say(text, kind);
  };

  const begin = (from) => {
    const fields = Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== ""));
    const { from: after, to, speed, ...filter } = fields;
    const variables = { from: from ?? after, to, filter, speed: speed ? Number(speed) : undefined };
    const address = new URL("/console/live", location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const mine = new WebSocket(address, "graphql-transport-ws");
    socket = mine;
    running(true);
    say("Connecting…");
    requestAnimationFrame(draw);
    mine.onopen = () => mine.send(JSON.stringify({ type: "connection_init" }));
    mine.onclose = (event) => {
      if (socket === mine) end(`The connection ended: ${event.reason || event.code}. It can be resumed.`, "bad");
    };
    mine.onmessage = ({ data }) => {
      if (socket !== mine) return;
      const message = JSON.parse(data);
      switch (message.type) {
        case "connection_ack":
          mine.send(JSON.stringify({ id: "replay", type: "subscribe", payload: { query: REPLAY, variables } }));
          break;
        case "ping":
          mine.send(JSON.stringify({ type: "pong" }));
          break;
        case "next": {
          const item = message.payload.data?.auditReplay;
          for (const error of message.payload.errors ?? []) {
            events.prepend(make("li", `At position ${error.extensions?.position ?? "?"}: ${error.message}`, { class: "bad" }));
            cursor = error.extensions?.cursor ?? cursor;
          }
          if (!item) break;
          cursor = item.cursor;
          last = item.progress;
          if (item.event) { waiting.push(item.event); count += 1; }
          if (waiting.length > 4 * KEPT) waiting = waiting.slice(-KEPT);
          break;
        }
        case "error":
          end(message.payload[0]?.message ?? "It was refused.", "bad");
          break;
        case "complete":
          draw();
          end("Complete.", "good");
          break;
      }
    };
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
