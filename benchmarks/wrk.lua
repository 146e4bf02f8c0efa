-- Sends the requests of a file, in a loop or at random, and checks every answer.
--
-- Arguments: the directory of the files, one for each thread (0, 1, …); the mode, which is "loop",
-- "random" or "refresh"; seconds of warm-up and in all. A file has texts that end with NUL: for each
-- request what the answer has to contain, and the request. To refresh, a thread has one connection,
-- and sends the refresh token of the last answer, which is as long as the one before.
local ffi = require("ffi")
ffi.cdef([[
typedef struct { long seconds; long nanoseconds; } timespec;
int clock_gettime(int clock, timespec *time);
]])
local CLOCK_MONOTONIC = 1
-- Answers that come while wrk ends would count for a time that is not measured.
local END_SECONDS = 0.05
local time = ffi.new("timespec")
local requests, number = {}, 0
local mode, began, from, to, current

counted, wrong, sample, seconds = 0, 0, "", 0

local function now()
  ffi.C.clock_gettime(CLOCK_MONOTONIC, time)
  return tonumber(time.seconds) + tonumber(time.nanoseconds) / 1e9
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
  mode, from, to = args[2], tonumber(args[3]), tonumber(args[4]) - END_SECONDS
  seconds = to - from
  for expected in texts do
    table.insert(requests, { expected = expected, text = texts() })
  end
end

function request()
  began = began or now()
  number = mode == "random" and math.random(#requests) or number % #requests + 1
  current = requests[number]
  return current.text
end

function response(status, headers, body)
  local good = status >= 200 and status < 300
    and not body:find('"errors"', 1, true)
    and body:find(current.expected, 1, true)
  if good and mode == "refresh" then
    good = body:match('"refreshToken"%s*:%s*("[^"]+)')
    current.text = current.text:gsub('("refreshToken": )"[^"]+', "%1" .. (good or ""))
  end
  local elapsed = now() - began
  if not good then
    wrong = wrong + 1
    sample = status .. " " .. body:sub(1, 300)
  elseif elapsed >= from and elapsed < to then
    counted = counted + 1
  end
end

-- Prints the answers a second, wrong, broken and timed out, the p50 and p99 in µs, and a wrong answer.
function done(summary, latency)
  local counts, wrongs, example = 0, 0, ""
  for _, thread in ipairs(threads) do
    counts, wrongs = counts + thread:get("counted"), wrongs + thread:get("wrong")
    example = example == "" and thread:get("sample") or example
  end
  local errors = summary.errors
  local broken = errors.connect + errors.read + errors.write
  local p50, p99 = latency:percentile(50), latency:percentile(99)
  local rate = counts / threads[1]:get("seconds")
  print("\nresult:", rate, wrongs, broken, errors.timeout, p50, p99, example)
end
