-- Sends the requests of a file, in a loop or at random, and checks every answer.
--
-- Arguments: the directory of the files, one for each thread (0, 1, …); seconds of warm-up and in all.
-- A file has texts that end with NUL: a refresh token, which may be empty; "random" or nothing; for
-- each request what the answer has to contain, the head without Content-Length, and the body. @refresh@ in a body becomes the
-- latest refresh token of the thread, which then has one connection only.
local ffi = require("ffi")
ffi.cdef([[
typedef struct { long seconds; long nanoseconds; } timespec;
int clock_gettime(int clock, timespec *time);
]])
local CLOCK_MONOTONIC = 1
-- Answers that come while wrk ends would count for a time that is not measured.
local END_SECONDS = 0.05
local time = ffi.new("timespec")
local requests, number, token = {}, 0, ""
local began, from, to, current

counted, wrong, sample = 0, 0, ""

local function now()
  ffi.C.clock_gettime(CLOCK_MONOTONIC, time)
  return tonumber(time.seconds) + tonumber(time.nanoseconds) / 1e9
end

local function encode(head, body)
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
  from, to = tonumber(args[2]), tonumber(args[3]) - END_SECONDS
  token, is_random = texts(), texts() == "random"
  for expected in texts do
    local one = { expected = expected, head = texts(), body = texts() }
    one.refreshes = one.body:find("@refresh@", 1, true) ~= nil
    one.text = encode(one.head, one.body)
    table.insert(requests, one)
  end
end

function request()
  began = began or now()
  number = is_random and math.random(#requests) or number % #requests + 1
  current = requests[number]
  if current.refreshes then
    return encode(current.head, (current.body:gsub("@refresh@", token)))
  end
  return current.text
end

function response(status, headers, body)
  local good = status >= 200 and status < 300
    and not body:find('"errors"', 1, true)
    and body:find(current.expected, 1, true)
  if good and current.refreshes then
    token = body:match('"refreshToken"%s*:%s*"([^"]+)"') or ""
    good = token ~= ""
  end
  local elapsed = now() - began
  if not good then
    wrong = wrong + 1
    sample = status .. " " .. body:sub(1, 300)
  elseif elapsed >= from and elapsed < to then
    counted = counted + 1
  end
end

-- Prints the answers counted, wrong, broken and timed out, the p50 and p99 in µs, and a wrong answer.
function done(summary, latency)
  local counts, wrongs, example = 0, 0, ""
  for _, thread in ipairs(threads) do
    counts, wrongs = counts + thread:get("counted"), wrongs + thread:get("wrong")
    example = example == "" and thread:get("sample") or example
  end
  local errors = summary.errors
  local broken = errors.connect + errors.read + errors.write
  local p50, p99 = latency:percentile(50), latency:percentile(99)
  print("\nresult:", counts, wrongs, broken, errors.timeout, p50, p99, example)
end
