-- Sends the requests of a file, one after the other, and checks every answer.
--
-- Arguments: the directory of the files, one a thread (0, 1, …); seconds of warm-up; seconds in all.
-- A file is a list of texts that each end with a NUL: a refresh token and the name under which an
-- answer carries the next one, both may be empty; then for each request what its answer has to
-- contain, its head without Content-Length, and its body. Where "@refresh@" stands in a request,
-- the latest refresh token of the thread goes; such a thread has one connection only.
local ffi = require("ffi")
ffi.cdef([[
typedef struct { long seconds; long nanoseconds; } moment;
int clock_gettime(int clock, moment *at);
]])
local PLACE, MONOTONIC = "@refresh@", 1
-- Answers that come while wrk is ending would be counted for a time that nobody measured.
local END = 0.05
local at = ffi.new("moment")
local requests, number, token, key = {}, 0, "", ""
local began, opens, closes

counted, wrong, sample = 0, 0, ""

local function now()
  ffi.C.clock_gettime(MONOTONIC, at)
  return tonumber(at.seconds) + tonumber(at.nanoseconds) / 1e9
end

local function whole(head, body)
  return head .. "Content-Length: " .. #body .. "\r\n\r\n" .. body
end

local threads = {}
function setup(thread)
  thread:set("id", #threads)
  table.insert(threads, thread)
end

function init(args)
  local file = assert(io.open(args[1] .. "/" .. id, "rb"))
  local texts = file:read("*a"):gmatch("([^%z]*)%z")
  file:close()
  opens, closes = tonumber(args[2]), tonumber(args[3]) - END
  token, key = texts(), texts()
  for expected in texts do
    local one = { expected = expected, head = texts(), body = texts() }
    one.chained = (one.head .. one.body):find(PLACE, 1, true) ~= nil
    one.text = not one.chained and whole(one.head, one.body)
    table.insert(requests, one)
  end
end

local current
function request()
  began = began or now()
  number = number % #requests + 1
  current = requests[number]
  if not current.chained then
    return current.text
  end
  local latest = function() return token end
  return whole(current.head:gsub(PLACE, latest), (current.body:gsub(PLACE, latest)))
end

function response(status, headers, body)
  local good = status >= 200 and status < 300
    and not body:find('"errors"', 1, true)
    and body:find(current.expected, 1, true)
  if good and current.chained then
    token = body:match('"' .. key .. '"%s*:%s*"([^"]+)"')
    good = token ~= nil
    token = token or ""
  end
  local elapsed = now() - began
  if not good then
    wrong = wrong + 1
    sample = status .. " " .. body:sub(1, 300)
  elseif elapsed >= opens and elapsed < closes then
    counted = counted + 1
  end
end

local function quoted(text)
  return '"' .. text:gsub('[%c"\\]', function(c) return ("\\u%04x"):format(c:byte()) end) .. '"'
end

function done(summary, latency)
  local counts, wrongs, example = 0, 0, ""
  for _, thread in ipairs(threads) do
    counts = counts + thread:get("counted")
    wrongs = wrongs + thread:get("wrong")
    example = example == "" and thread:get("sample") or example
  end
  local errors = summary.errors
  io.write(
    ('\nresult: {"counted": %d, "wrong": %d, "broken": %d, "timeouts": %d, "p50": %.3f, "p99": %.3f, "sample": %s}\n'):format(
      counts, wrongs, errors.connect + errors.read + errors.write, errors.timeout,
      latency:percentile(50) / 1000, latency:percentile(99) / 1000, quoted(example)))
end
