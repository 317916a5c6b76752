-- Sends the requests of a file, all of one length, one after the other: wrk … -s load.lua URL -- FILE LENGTH
-- Prints one line of JSON at the end. The requests are ready when the clock starts, and answers are not looked into.
local requests, count, at = {}, 0, 0

function init(args)
  local file = assert(io.open(args[1], "rb"))
  local length = tonumber(args[2])
  while true do
    local one = file:read(length)
    if not one then break end
    count = count + 1
    requests[count] = one
  end
  file:close()
end

function request()
  at = at + 1
  if at > count then at = 1 end
  return requests[at]
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '{"answers":%d,"seconds":%.6f,"refused":%d,"broken":%d,"p50_ms":%.3f,"p99_ms":%.3f,"max_ms":%.3f}\n',
    summary.requests, summary.duration / 1e6, e.status, e.connect + e.read + e.write + e.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3))
end
