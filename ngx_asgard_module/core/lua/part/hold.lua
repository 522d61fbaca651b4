-- The hold in its key: "amount created expires pins detail".

-- What stands there (nil: nothing), then amount, created, expires (text), pins
-- and where the detail begins; nothing more for a marker.
local function hold_read(key)
    local raw = call('GET', key)
    if not raw then
        return nil
    end
    return raw, match(raw, '^(%d+) (%d+) (%d+) (%S+) ()')
end
