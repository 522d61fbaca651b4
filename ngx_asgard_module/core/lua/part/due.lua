-- How long the period of a window may last, where its boundaries are not at
-- hand: of a day and more an hour longer, for it may be of a zone.
local LENGTHS = {s = 1, m = 60, h = 3600, d = 90000, w = 608400, mo = 2682000}

-- Until when may the period that begins at `id` go on?  nil: it is over.
local function due_at(window, id)
    local n, unit = match(window, '^(%d+)(%l+)$')
    local length = LENGTHS[unit or '']
    local due = length and id + n * length
    return due and due > tonumber(call('TIME')[1]) and due or nil
end
