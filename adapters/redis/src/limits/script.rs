//! The decisions, as scripts: each runs as a whole or not at all. They answer with milliseconds to
//! wait, 0 for none, and leave nothing behind that does not expire.

/// Keeps the times of the requests in the window, oldest first. ARGV: window, most, count.
pub(super) const ADMIT: &str = "
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local window, most, count = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local oldest = redis.call('LINDEX', KEYS[1], 0)
while oldest and tonumber(oldest) <= now - window do
  redis.call('LPOP', KEYS[1])
  oldest = redis.call('LINDEX', KEYS[1], 0)
end
local held = redis.call('LLEN', KEYS[1])
local over = held + count - most
if over > 0 then
  local last = redis.call('LINDEX', KEYS[1], math.min(over, held) - 1)
  if not last or held == 0 then return window end
  return math.max(1, tonumber(last) + window - now)
end
for _ = 1, count do redis.call('RPUSH', KEYS[1], string.format('%.0f', now)) end
redis.call('PEXPIRE', KEYS[1], window)
return 0";

/// Whether an attempt may be made.
pub(super) const MAY_TRY: &str = "
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
return math.max(0, tonumber(redis.call('HGET', KEYS[1], 'until') or '0') - now)";

/// What became of an attempt. ARGV: right, from, first wait, longest wait, forget after.
pub(super) const SETTLE: &str = "
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local wait = tonumber(redis.call('HGET', KEYS[1], 'until') or '0') - now
if wait > 0 then return wait end
if ARGV[1] == '1' then
  redis.call('DEL', KEYS[1])
  return 0
end
local wrong = redis.call('HINCRBY', KEYS[1], 'wrong', 1)
local from = tonumber(ARGV[2])
if wrong >= from then
  local pause = math.min(tonumber(ARGV[3]) * 2 ^ (wrong - from), tonumber(ARGV[4]))
  redis.call('HSET', KEYS[1], 'until', string.format('%.0f', now + pause))
end
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 0";
