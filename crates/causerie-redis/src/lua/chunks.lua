-- id, first seq, seq before which to end or '', number of the chunk before which to end or '',
-- how many chunks. The newest that many of those in the range (or with turn records: first seq '').
local c = load(ARGV[4])
local from, before = tonumber(ARGV[5]), tonumber(ARGV[6])
local below, most = tonumber(ARGV[7]), tonumber(ARGV[8])
local fit = {}
for n, first, last, turns in string.gmatch(c.index, '(%d+),(%d+),(%d+),%d+,(%d+)') do
  first, last = tonumber(first), tonumber(last)
  local meant = ARGV[5] == '' and turns ~= '0' or ARGV[5] ~= '' and (last >= from and last > 0 and (not before or first < before))
  if meant and (not below or tonumber(n) < below) then
    fit[#fit + 1] = n
  end
end
local chunks = {}
for i = #fit, math.max(#fit - most + 1, 1), -1 do
  chunks[#chunks + 1] = { fit[i], chunk(c, fit[i]) }
end
return { num(c.version), #fit > most and '1' or '0', num(now), chunks }
