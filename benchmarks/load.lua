-- wrk's script: asks GET_IVR_ACTION with a new IVR_UNIQUE_ID each time, and looks at every reply.
--
-- wrk -t1 -c CONNECTIONS ... -s load.lua URL -- FILE ID RUN CONNECTIONS TEXT...
--   FILE  the question; ID, the text in it that is made new with each request
--   RUN   a number that makes the ids of this run differ from those of all others
--   TEXT  what a right reply holds, each of them
-- For one wrk thread: counts are kept in its own Lua state.

local ffi = require("ffi")
ffi.cdef [[
  typedef struct { long seconds; long nanoseconds; } bench_time;
  int clock_gettime(int clock, bench_time *now);
]]
local MONOTONIC = 1
local SKIPPED = 2 -- rounds of all connections: in the first each is opened, in the second threads settle

local time = ffi.new("bench_time")
local function now()
  ffi.C.clock_gettime(MONOTONIC, time)
  return tonumber(time.seconds) + tonumber(time.nanoseconds) / 1e9
end

local thread_of_wrk
function setup(thread)
  thread_of_wrk = thread
end

local before, after, run, connections, wanted
local asked = 0

answered, wrong, sample = 0, 0, ""
-- The moments at which all connections together had been answered so many times over.
first_mark, last_mark, rounds = 0, 0, 0

function init(args)
  local file = assert(io.open(args[1], "rb"))
  local text = file:read("*a")
  file:close()
  local from, to = text:find(args[2], 1, true)
  assert(from, "the question does not hold the id")
  run, connections = tonumber(args[3]), tonumber(args[4])
  wanted = { unpack(args, 5) }
  local head = "POST " .. wrk.path .. " HTTP/1.1\r\nHost: " .. wrk.headers["Host"]
    .. "\r\nContent-Type: text/xml\r\nContent-Length: " .. (#text - #args[2] + 32) .. "\r\n\r\n"
  before, after = head .. text:sub(1, from - 1), text:sub(to + 1)
end

function request()
  asked = asked + 1
  return before .. string.format("%08x%024x", run, asked) .. after
end

local function right(status, body)
  if status ~= 200 then return false end
  for _, text in ipairs(wanted) do
    if not body:find(text, 1, true) then return false end
  end
  return true
end

function response(status, headers, body)
  answered = answered + 1
  if not right(status, body) then
    wrong = wrong + 1
    if wrong == 1 then sample = "HTTP " .. status .. ": " .. body:sub(1, 500) end
  end
  if answered % connections == 0 and answered >= connections * SKIPPED then
    last_mark = now()
    if first_mark == 0 then first_mark = last_mark else rounds = rounds + 1 end
  end
end

local function quoted(text)
  return '"' .. text:gsub('[%c"\\]', function(c) return string.format("\\u%04x", c:byte()) end) .. '"'
end

function done(summary, latency, requests)
  local get = function(name) return thread_of_wrk:get(name) end
  local errors = summary.errors
  io.write(string.format(
    '\nRESULT {"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "max_ms": %.3f, "wrong": %d, "sample": %s, '
      .. '"connect_errors": %d, "read_errors": %d, "write_errors": %d, "status_errors": %d, "timeouts": %d, '
      .. '"whole_rounds": %d, "whole_rounds_seconds": %.6f}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3,
    get("wrong"), quoted(get("sample")),
    errors.connect, errors.read, errors.write, errors.status, errors.timeout,
    get("rounds"), get("last_mark") - get("first_mark")))
end
