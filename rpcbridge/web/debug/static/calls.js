// The list of calls: keeps it live, says whether it is, and lets it be paused. Without this file the list is read by reloading it.
(function () {
  "use strict";
  var POLL = 5000; // milliseconds between two looks where there is no stream
  var SHORT = 3000; // a stream is opened anew each minute; only what takes longer is worth a word
  var source = null, paused = false, polling = 0, doubting = 0;

  function element(id) { return document.getElementById(id); }

  function say(state, text) {
    var live = element("live");
    if (!live) return;
    live.dataset.state = state;
    if (element("live-state").textContent !== text) element("live-state").textContent = text;
    element("live-switch").hidden = false;
    element("live-switch").textContent = paused ? "Go live" : "Pause";
  }

  function calm() {
    clearInterval(polling); clearTimeout(doubting);
    polling = doubting = 0;
  }

  function stop() {
    calm();
    if (source) source.close();
    source = null;
  }

  function look() {
    if (element("stream")) htmx.trigger("#stream", "sse:exchanges");
  }

  // A stream is made anew with the element that stands for it.
  function start() {
    var stream = element("stream");
    if (!stream) return;
    stop();
    var again = stream.cloneNode(false);
    stream.replaceWith(again);
    htmx.process(again);
  }

  // The browser comes again by itself, which is no error and of no interest to htmx.
  function ended(event) {
    if (this.readyState === EventSource.CLOSED) return;
    event.stopImmediatePropagation();
    if (this === source && !paused) doubting = doubting || setTimeout(function () { say("waiting", "reconnecting"); }, SHORT);
  }

  htmx.createEventSource = function (url) {
    stop();
    source = new EventSource(url);
    source.addEventListener("error", ended);
    if (paused || document.hidden) source.close();
    say(paused ? "paused" : "waiting", paused ? "paused" : "connecting");
    return source;
  };

  document.addEventListener("htmx:sseOpen", function () {
    calm();
    say("live", "live");
  });

  document.addEventListener("htmx:sseError", function (event) {
    if (paused || event.detail.source !== source) return;
    // Refused: all streams are taken, or nobody is there. It is tried again, ever more rarely.
    say("polling", "looking every " + POLL / 1000 + " seconds");
    polling = polling || setInterval(look, POLL);
  });

  document.addEventListener("htmx:sseClose", stop);

  document.addEventListener("click", function (event) {
    if (event.target.id !== "live-switch") return;
    paused = !paused;
    if (paused) { stop(); say("paused", "paused"); } else { look(); start(); }
  });

  // A list that nobody sees needs no stream: there are few, and a browser allows few connections to one host.
  document.addEventListener("visibilitychange", function () {
    if (paused) return;
    if (document.hidden) stop(); else start();
  });

  // What is wrong with a filter, or that the database is away, is said where the list was.
  document.addEventListener("htmx:beforeSwap", function (event) {
    var status = event.detail.xhr.status;
    if (status === 400 && event.detail.target.id === "result") {
      event.detail.shouldSwap = true;
      event.detail.isError = false;
    } else if (status >= 400) {
      say("failing", status === 503 ? "the exchanges cannot be read, trying again" : "the list cannot be read (" + status + "): reload");
      if (!paused) polling = polling || setInterval(look, POLL);
    }
  });
  document.addEventListener("htmx:afterRequest", function (event) {
    if (event.detail.successful && element("live") && element("live").dataset.state === "failing") start();
  });
  document.addEventListener("htmx:sendError", function () { say("failing", "the bridge cannot be reached, trying again"); });
})();
