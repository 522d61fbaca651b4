-- A hold that is written as it was told: its pins hold `amount` more.
local function pins_hold(list, amount)
    local sets = {}
    for i, pin in ipairs(list) do
        if pin.held then
            counter_rise(sets, pin, pin.h, pin.held, amount)
        end
        sets = sets_write(sets, list, i)
    end
end
