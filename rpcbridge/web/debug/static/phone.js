/* The phone: asks the bridge step by step, and runs the phone system's clock for what it answers. */
"use strict";
(() => {
  const PROMPT_MS = 2000; // how long a recording is nobody knows
  const DIGIT_MS = 500;
  const FURTHER_DIGITS_S = 3; // at least so long for another digit
  const BUSY_AFTER_MS = 400;

  const root = document.querySelector(".phone");
  if (!root) return;
  const part = (name) => root.querySelector(`[data-${name}]`);
  const form = part("form"), heard = part("heard"), progress = part("progress");
  const keys = [...root.querySelectorAll("[data-key]")];

  let call = null; // the call under way: {session, over}; another object for each
  let pending = null; // ends what is being waited for, with a word that says how
  let collecting = null; // {size, digits} while keys are taken

  // --- what is shown ---

  function line(kind, ...parts) {
    const made = document.createElement("p");
    made.className = kind;
    for (const one of parts) made.append(one);
    heard.append(made);
    heard.scrollTop = heard.scrollHeight;
    return made;
  }

  function quoted(text) {
    const made = document.createElement("bdi");
    made.textContent = text;
    return made;
  }

  const focusOn = (element) => element.focus({ preventScroll: true });
  const state = (text) => { part("state").textContent = text; };

  function passing(text, left, whole) {
    part("waiting").textContent = text;
    progress.hidden = !text;
    if (Number.isFinite(whole)) {
      progress.max = whole || 1;
      progress.value = whole ? Math.max(0, whole - left) : 0;
    } else progress.removeAttribute("value");
  }

  function showDigits() {
    part("collecting").hidden = !collecting;
    if (!collecting) return;
    const { size, digits } = collecting;
    part("digits").textContent = size > 12 ? digits || "–" : [...digits.padEnd(size, "_")].join(" ");
  }

  function enable() {
    const on = Boolean(call);
    part("call").disabled = on;
    if (on) part("call").textContent = "Call";
    part("hangup").disabled = !on;
    part("skip").disabled = !on;
    for (const key of keys) key.disabled = !on;
    form.hidden = on;
  }

  setInterval(() => {
    if (!call) return;
    const seconds = Math.floor((Date.now() - call.began) / 1000);
    part("clock").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }, 250);

  // --- speech ---

  const voice = window.speechSynthesis;
  if (!voice) part("speak").disabled = true;

  function speak(text, language) {
    if (!voice || !part("speak").checked) return;
    const said = new SpeechSynthesisUtterance(text);
    if (language) said.lang = language;
    voice.speak(said);
  }

  /* A recording is not here to be heard: its name is read out, as words. */
  function speakPrompt(prompt, language) {
    speak(prompt.kind === "text" ? prompt.said : prompt.said.replace(/[_-]+/g, " "), language);
  }

  // --- the clock ---

  /* Waits, and says how it ended: "elapsed", or the word that `pending` was called with. */
  function wait(ms, text) {
    return new Promise((resolve) => {
      const started = performance.now();
      const end = (how) => {
        clearInterval(ticking);
        pending = null;
        passing("", 0, 0);
        resolve(how);
      };
      const tick = () => {
        const left = ms - (performance.now() - started);
        if (left <= 0) end("elapsed");
        else passing(Number.isFinite(ms) ? `${text}, ${Math.ceil(left / 1000)} s` : text, left, ms);
      };
      const ticking = setInterval(tick, 100);
      pending = end;
      tick();
    });
  }

  /* Whether the key that ends the digits was pressed. */
  const finished = ({ digits, finish }) => Boolean(finish) && digits.endsWith(finish);
  const times = (count) => (count === 1 ? "once" : `${count} times`);

  // --- the steps of a scene: each returns what to ask next, or nothing to go on ---

  const acts = {
    async play(step, scene) {
      line("plays", "plays ", quoted(step.prompt.said));
      speakPrompt(step.prompt, scene.language);
      for (let time = 1; time <= step.loops; time += 1) {
        if (await wait(PROMPT_MS, "Playing") !== "elapsed") return;
        if (step.delay && await wait(step.delay * 1000, "Pause") !== "elapsed") return;
      }
    },

    async say(step, scene) {
      const said = line("plays", "says ");
      for (const digit of step.digits) {
        said.append(`${digit} `);
        heard.scrollTop = heard.scrollHeight;
        speak(digit, scene.language);
        await wait(DIGIT_MS, "Saying digits");
      }
    },

    async collect(step, scene) {
      const wanted = step.size ? `up to ${step.size} digit${step.size > 1 ? "s" : ""}` : "no digits are collected";
      const until = step.finish_key ? `, or ${step.finish_key}` : "", menu = step.menu ? [" · menu ", quoted(step.menu)] : [];
      line("plays", "plays ", quoted(step.prompt.said), ` · ${wanted}${until}${step.validate ? ", validated" : ""}`, ...menu);
      speakPrompt(step.prompt, scene.language);
      const rule = `played ${times(step.loops)}, ${step.delay} s after each`;
      part("wanted").textContent = `${wanted} · ${rule}${step.validate ? " · validation asked for, not simulated" : ""}`;
      collecting = step.size ? { size: step.size, finish: step.finish_key, digits: "" } : null;
      showDigits();
      state(step.size ? "Waiting for digits" : "Playing");
      const mine = collecting;
      let how = await playing(step);
      if (!mine) return { step: "press", digits: "" };
      while (how === "pressed" && mine.digits.length < mine.size && !finished(mine))
        how = await wait(Math.max(step.delay, FURTHER_DIGITS_S) * 1000, "Further digits");
      if (how === "gone" || collecting !== mine) return undefined; // hung up meanwhile
      const { digits } = mine;
      collecting = null;
      showDigits();
      line("you", digits ? `presses ${digits}` : "presses nothing");
      return { step: "press", digits };
    },

    async dial(step) {
      const recorded = step.record ? ", recorded" : "";
      const music = step.hold_music ? [" to the music ", quoted(step.hold_music)] : [];
      line("plays", "dials ", quoted(step.target), ` for at most ${step.ring_timeout} s${recorded}`, ...music);
      if (step.caller_number) line("note", "The target sees ", quoted(`${step.caller_number} ${step.caller_name}`.trim()));
      if (step.target_prompt) line("note", "The target hears ", quoted(step.target_prompt.said));
      state("Ringing");
      part("outcomes").hidden = false;
      const how = await wait(step.ring_timeout * 1000, "Ringing");
      part("outcomes").hidden = true;
      const outcome = ["answered", "busy"].includes(how) ? how : "no_answer";
      if (how === "gone") return undefined;
      line("you", { answered: "the target answers", busy: "the line is busy", no_answer: "nobody answers" }[outcome]);
      return { step: "dialled", outcome };
    },

    async talk(step) {
      state("Connected");
      line("plays", "talks to ", quoted(step.target), `${step.max_duration ? `, for at most ${step.max_duration} s` : ""}${step.record ? ", recorded" : ""}`);
      const how = await wait(step.max_duration ? step.max_duration * 1000 : Infinity, "Talking");
      if (step.last || how === "gone") return { step: "hangup", why: "The conversation is over." };
      line("you", "the target hangs up");
      return { step: "talked" };
    },

    async speak(step) {
      state("Recording");
      line("plays", `is recorded${step.max_duration ? ` for at most ${step.max_duration} s` : ""}`);
      await wait(step.max_duration ? step.max_duration * 1000 : Infinity, "Recording");
      return step.last ? { step: "hangup", why: "The recording is over." } : { step: "press", digits: "" };
    },

    async silence(step) {
      line("plays", `nothing for ${step.seconds} s`);
      await wait(step.seconds * 1000, "Silence");
      return { step: "press", digits: "" };
    },

    async end(step) {
      const cause = step.cause === null ? "" : ` (cause ${step.cause})`;
      const why = {
        hangup: `The phone system hangs up${cause}.`,
        layer: `The caller goes on in layer ${step.layer} of the phone system's own IVR.`,
        disconnected: "The caller is disconnected: the action names no menu for a failed call.",
      }[step.why];
      return { step: "hangup", why };
    },
  };

  /* A menu's prompt with its pauses; "pressed" as soon as a key is. */
  async function playing(step) {
    for (let time = 1; time <= step.loops; time += 1) {
      if (time > 1) line("plays", "plays ", quoted(step.prompt.said), ` again, ${time} of ${step.loops}`);
      let how = await wait(PROMPT_MS, `Playing ${time} of ${step.loops}`);
      if (how !== "elapsed") return how;
      if (step.delay) how = await wait(step.delay * 1000, step.size ? "Silence" : "Pause");
      if (how !== "elapsed") return how;
    }
    return "silence";
  }

  // --- the bridge ---

  async function sent(step, body, more) {
    const token = document.querySelector('meta[name="csrf-token"]');
    const headers = { "Content-Type": "application/json", Accept: "application/json", "X-CSRF-Token": token ? token.content : "" };
    return fetch(`${root.dataset.url}/${step}`, { method: "POST", credentials: "same-origin", headers, body: JSON.stringify(body), ...more });
  }

  /* One try: {taken} or {trouble}, and of a refused form its problems. */
  async function tried(step, body) {
    let response, said;
    try {
      response = await sent(step, body);
    } catch {
      return { trouble: "The bridge cannot be reached." };
    }
    if (response.status === 401) return { trouble: "You are not logged in any more. Log in in another tab, then try again: the call goes on.", login: true };
    if (response.status === 403) return { trouble: "The bridge does not let this page in any more. Log in again in another tab, then try again: the call goes on.", login: true };
    try {
      said = await response.json();
    } catch {
      return { trouble: `The bridge answered HTTP ${response.status}, which is no step of a call.` };
    }
    return response.ok ? { taken: said } : { trouble: said.error || `HTTP ${response.status}`, problems: said.problems };
  }

  /* The step, however often it takes; undefined where it was given up. */
  async function ask(mine, step, body) {
    for (;;) {
      const slow = setTimeout(() => { state("The bridge is asked…"); passing("Waiting for the answer", 0, Infinity); part("display").ariaBusy = "true"; }, BUSY_AFTER_MS);
      const { taken, trouble, problems, login } = await tried(step, body);
      clearTimeout(slow);
      part("display").ariaBusy = "false";
      if (!pending) passing("", 0, 0);
      if (taken) {
        mine.session = taken.session;
        show(taken, mine === call);
        return taken;
      }
      if (step === "call" && problems) return refused(problems);
      if (mine !== call && step !== "hangup") return undefined;
      if (!(await again(trouble, login))) return undefined;
      if (login) await renewed();
    }
  }

  /* The token that a page loaded now is given: the one of this page went with its login. */
  async function renewed() {
    try {
      const response = await fetch(root.dataset.url, { credentials: "same-origin", headers: { Accept: "text/html" } });
      const fresh = new DOMParser().parseFromString(await response.text(), "text/html").querySelector('meta[name="csrf-token"]');
      if (fresh) document.querySelector('meta[name="csrf-token"]').content = fresh.content;
    } catch { /* the step itself says what is wrong */ }
  }

  /* Says what is wrong; true when the user wants to try again. */
  function again(trouble, login) {
    state("Trouble");
    part("trouble-text").textContent = trouble;
    part("login").hidden = !login;
    part("trouble").hidden = false;
    return new Promise((resolve) => {
      const end = (how) => {
        part("trouble").hidden = true;
        part("retry").onclick = null;
        pending = null;
        resolve(how === "retry");
      };
      part("retry").onclick = () => end("retry");
      pending = (how) => { if (how === "gone") end(how); };
    });
  }

  function refused(problems) {
    for (const { field, message } of problems) {
      const input = form.elements[field];
      if (input) {
        input.setAttribute("aria-invalid", "true");
        document.getElementById(`${field}-error`).textContent = message;
      } else part("form-error").textContent += `${field ? `${field}: ` : ""}${message} `;
    }
    return undefined;
  }

  /* The exchange behind a step, the newest on top; the older ones are folded. */
  function show(taken, heardNow) {
    if (taken.turn) {
      for (const older of part("turns").querySelectorAll("article.turn > details[open]")) older.open = false;
      part("turns").insertAdjacentHTML("afterbegin", taken.turn); // made by the server's template, which escapes
      for (const further of [...part("turns").querySelectorAll("article.turn > details[open]")].slice(1)) further.open = false; // of the same step
      part("empty").hidden = true;
    }
    const id = taken.session.call.call_id;
    part("call-id").textContent = id;
    part("call-url").href = `call?id=${encodeURIComponent(id)}`;
    part("call-link").hidden = false;
    const seen = taken.exchange;
    if (heardNow && seen && seen.outcome === "fallback") {
      const tries = `${seen.attempts.length} attempt${seen.attempts.length === 1 ? "" : "s"}`;
      line("note bad", `Silence for ${Math.round(seen.total_ms).toLocaleString("en")} ms (${tries} at the backend, ${seen.reason}); then the fallback:`);
    }
  }

  // --- a call ---

  async function begin() {
    for (const error of root.querySelectorAll(".error")) error.textContent = "";
    for (const input of form.elements) input.removeAttribute("aria-invalid");
    const given = Object.fromEntries(new FormData(form));
    given.fault_from = Number.parseInt(given.fault_from, 10);
    if (Number.isNaN(given.fault_from)) given.fault_from = null;
    if (pending) pending("gone"); // trouble with the report of the call before
    const mine = { session: null, began: Date.now() };
    call = mine;
    heard.replaceChildren();
    part("turns").replaceChildren();
    part("call-link").hidden = true;
    part("empty").hidden = false;
    part("display").hidden = false;
    part("clock").textContent = "0:00";
    part("who").replaceChildren(quoted(given.caller_number || "withheld"), " calls ", quoted(given.called_number), given.fault ? ` · drill: ${given.fault}` : "");
    state("Calling");
    enable();
    focusOn(part("display"));
    part("display").scrollIntoView({ block: "nearest" });
    mine.first = ask(mine, "call", given);
    const taken = await mine.first;
    if (mine !== call) return;
    if (!taken) return idle(form.querySelector("[aria-invalid]"));
    await converse(mine, taken);
  }

  async function converse(mine, first) {
    let taken = first;
    while (taken && mine === call) {
      let next = null;
      if (!taken.scene) next = { step: "hangup", why: `The phone system cannot use the reply, the caller hears nothing: ${taken.problems.join("; ")}` };
      for (const step of taken.scene ? taken.scene.steps : []) {
        state("In the call");
        next = await acts[step.step](step, taken.scene);
        if (mine !== call) return;
      }
      if (!next) next = { step: "hangup", why: taken.over ? "The call is over." : "Nothing more happens." };
      if (next.step === "hangup") return hangUp(next.why);
      taken = await ask(mine, next.step, { session: mine.session, ...next });
    }
    if (mine === call) await hangUp("The call cannot go on.");
  }

  /* Ends the call, whoever wants it, and reports that. */
  async function hangUp(why) {
    const mine = call;
    if (!mine) return;
    call = null;
    if (pending) pending("gone");
    if (voice) voice.cancel();
    collecting = null;
    showDigits();
    part("outcomes").hidden = true;
    line("you end", why);
    state("The call is over");
    enable();
    part("call").textContent = "Call again";
    focusOn(part("call"));
    if (!mine.session) await mine.first; // its first question is still under way
    if (!mine.session || mine.reported) return;
    mine.reported = true;
    const taken = await ask(mine, "hangup", { session: mine.session });
    if (!taken) return;
    const well = taken.acknowledged !== null;
    line(well ? "note" : "note bad", well ? `The end is reported, and acknowledged (${taken.acknowledged}).` : "The report of the end is NOT acknowledged: your backend is not told.");
    if (!call) state("The call is over");
  }

  /* Of the dialects, those that the chosen platform speaks. */
  function offer() {
    const platform = form.elements.platform.value, dialect = form.elements.dialect;
    for (const option of dialect.options) option.disabled = option.hidden = !option.dataset.of.split(" ").includes(platform);
    if (dialect.selectedOptions[0]?.disabled ?? true) dialect.value = [...dialect.options].find((option) => !option.disabled)?.value;
  }

  function idle(focused) {
    call = null;
    state("No call");
    if (!heard.childElementCount) part("display").hidden = true;
    enable();
    focusOn(focused || part("call"));
  }

  function press(key) {
    const button = keys.find((one) => one.dataset.key === key);
    if (!call || !button) return;
    button.classList.add("pressed");
    setTimeout(() => button.classList.remove("pressed"), 150);
    if (!collecting || finished(collecting) || collecting.digits.length >= collecting.size) return;
    collecting.digits += key;
    showDigits();
    if (pending) pending("pressed");
  }

  form.elements.platform.addEventListener("change", offer);
  part("call").addEventListener("click", () => { if (!call) begin(); });
  form.addEventListener("submit", (event) => { event.preventDefault(); if (!call) begin(); });
  part("hangup").addEventListener("click", () => hangUp("The caller hangs up."));
  part("skip").addEventListener("click", () => { if (pending) pending("skipped"); });
  for (const key of keys) key.addEventListener("click", () => press(key.dataset.key));
  for (const button of root.querySelectorAll("[data-outcome]"))
    button.addEventListener("click", () => { if (pending) pending(button.dataset.outcome); focusOn(part("display")); });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || !call) return;
    if (event.target.closest("input:not([type=checkbox]), select, textarea, [contenteditable]")) return;
    if (!keys.some((one) => one.dataset.key === event.key)) return;
    event.preventDefault();
    press(event.key);
  });

  // Whoever leaves the page in a call hangs up.
  window.addEventListener("pagehide", () => {
    if (!call || !call.session || call.reported) return;
    call.reported = true;
    sent("hangup", { session: call.session }, { keepalive: true }).catch(() => {});
  });
  window.addEventListener("pageshow", (event) => { if (event.persisted) window.location.reload(); });

  offer();
  enable();
})();
