/*
 * The table of the rules that can be broken.
 */
#include "broken_rules.h"

#include <stddef.h>

#define SCRIPT(name, script, runs, from, to) \
    {name, SIM_RULE_SCRIPT, ASG_SCRIPT_ ## script, {{from, to}}, runs}
#define SQL(name, runs, from, to) \
    {name, SIM_RULE_SQL, ASG_SCRIPT_COUNT, {{from, to}}, runs}
#define OTHER(name, kind, runs) \
    {name, kind, ASG_SCRIPT_COUNT, {{NULL, NULL}}, runs}

const struct sim_rule sim_rules[] = {
    OTHER("fence without the run id", SIM_RULE_RUN_ID, LOSSES),
    {"opening before catch-up", SIM_RULE_CATCH_UP, ASG_SCRIPT_FINISH,
     {{"m[2] ~= 'adopt' or not charges",
       "true"}}, LOSSES},
    OTHER("first evidence wins", SIM_RULE_FIRST_WINS, LOSSES),
    OTHER("a replayed event counts twice", SIM_RULE_TWICE, LOSSES),
    OTHER("a restored database is taken for what it was",
          SIM_RULE_RESTORED, LOSSES),
    SCRIPT("nobody adopts after a flush", RESERVE, LOSSES,
           "    pins_hold(list, amount)\n"
           "else\n",
           "    do return {'OK', pins, str(now + ttl)} end\n"
           "else\n"),
    SCRIPT("a correction moves the window of now, not the hold's", APPLY,
           CALM,
           "        counter_rise(sets, pin, pin.s, pin.spent,\n"
           "            sign == '-' and -delta or delta)\n",
           "        call('HINCRBY', pin.key, 's:' .. pin.w .. ':'\n"
           "            .. (call('HGET', pin.key, 'c:' .. pin.w) or pin.id),\n"
           "            sign .. str(delta))\n"),
    SCRIPT("expiry frees", FINISH, LOSSES,
           "    amount = hold\n",
           "    amount = 0\n"),
    SCRIPT("settling an absent hold moves counters", FINISH, LOSSES,
           "    local moved, refusal = charge_late()\n",
           "    local moved, refusal = 0\n"
           "    for _, pin in ipairs(pins_parse(pins, 5) or {}) do\n"
           "        call('HINCRBY', pin.key, 's:' .. pin.w .. ':' .. pin.id,\n"
           "            str(charges and amount or 0))\n"
           "    end\n"),
    SCRIPT("held is not counted", RESERVE, LOSSES,
           "spent + held + amount > most",
           "spent + amount > most"),
    SCRIPT("a correction is applied twice", APPLY, CALM,
           "    return {'DUP'}\n",
           "    seq = adj\n"),
    SCRIPT("an old limit replaces a new one", SEED, LOSSES,
           "    if version <= int(counters.v)"
           " or version < (int(counters.lv) or 0) then\n"
           "        return opened_reply('OLD')\n"
           "    end\n",
           ""),
    SCRIPT("a new window opens with nothing", SEED, CALM,
           "str(math.min(int(amount) + named + more, HUGE))",
           "str(int(counters['s:' .. wid]) or 0)"),
    SCRIPT("what ends while a window is added is not in it", SEED, CALM,
           "            outside = outside + (int(said.d) or 0)\n",
           ""),
    OTHER("what was spent without a window is not summed", SIM_RULE_OPENING,
          CALM),
    SCRIPT("a window in another zone goes on as it was", SEED, CALM,
           "not old or is_moved(old, start, now)",
           "not old"),
    SCRIPT("what is held of a window to come is not in it", RESERVE, CALM,
           "    pins_open(list, epoch)\n    pins_hold(list, amount)\nelse\n",
           "    pins_hold(list, amount)\nelse\n"),
    SCRIPT("a window that was lost begins at 0", RESERVE, CALM,
           "if spent or start < at\n"
           "                    or last and start <= (int(last) or MAX) then",
           "if false then"),
    SCRIPT("an adopted call takes no place", RESERVE, CALM,
           "if limits then\n    limits.take()\nend\nif mode",
           "if limits and not adopt then\n    limits.take()\nend\nif mode"),
    OTHER("nobody knows of summer time", SIM_RULE_SUMMER, CALM),
    SCRIPT("a key's budget does not refuse", RESERVE, CALM,
           "if most <= 0 or",
           "if sub(budget, 1, 1) ~= 'k' and most <= 0 or\n"
           "                sub(budget, 1, 1) ~= 'k' and"),
    SCRIPT("a further attempt need not fit", RESERVE, CALM,
           "if most <= 0 or",
           "if not find(id, '.', 1, true) and most <= 0 or\n"
           "                not find(id, '.', 1, true) and"),
    SCRIPT("an extension does not last", EXTEND, CALM,
           "call('SET', KEYS[2], table.concat(\n"
           "    {amount, created, expires, pins, sub(raw, at)}, ' '))\n"
           "call('ZADD', KEYS[3], expires, id)\n",
           ""),
    SCRIPT("a hold is extended for ever", EXTEND, CALM,
           "math.min(now + ttl, tonumber(created) + maxlife)",
           "now + ttl"),
    SCRIPT("an expiry does not wait for its time", FINISH, CALM,
           "tonumber(expires) > tonumber(call('TIME')[1])",
           "false"),
    SCRIPT("an event says of the call what reserve said", FINISH, CALM,
           "    detail ~= '' and detail or sub(raw, at), 'h', str(hold))",
           "    sub(raw, at), 'h', str(hold))"),
    OTHER("usage is charged on top of the expiry", SIM_RULE_ADDED, CALM),
    OTHER("a bill is rounded up twice", SIM_RULE_ROUND, CALM),
    OTHER("a call holds for its first candidate", SIM_RULE_FIRST, CALM),
    OTHER("a call is billed as its first candidate", SIM_RULE_BILL, CALM),
    OTHER("a call is billed by the prices of now", SIM_RULE_NEW_PRICE, CALM),
    OTHER("a call costs what its model costs everybody", SIM_RULE_NO_OWN_CARD,
          CALM),
    OTHER("what a project does not say costs nothing", SIM_RULE_OVERLAY, CALM),
    SQL("prices of a project are added to those of before", CALM,
        "UPDATE projects SET prices = $2",
        "UPDATE projects SET prices = prices || $2"),
    SQL("a provider's usage costs what its model costs everybody", CALM,
        "c.card_id = h.detail->>'card' AND c.version",
        "c.card_id = split_part(h.detail->>'card', '@', 1) AND c.version"),
    SQL("a provider's usage costs what its card says now", CALM,
        "c.version = (h.detail->>'cv')::bigint ORDER BY w.n",
        "c.version = (SELECT max(version) FROM cards n"
        " WHERE n.card_id = c.card_id) ORDER BY w.n"),
    OTHER("a provider's record counts as a gateway's", SIM_RULE_PROVIDER,
          CALM),
    OTHER("nobody writes down what was used when a limit was lowered",
          SIM_RULE_START, CALM),
    OTHER("a clock that went back does not shut the door",
          SIM_RULE_CLOCK_BACK, LOSSES),
    SCRIPT("a limit lets one more in", RESERVE, CALM,
           "ring.used + need - limit\n",
           "ring.used + need - limit - 1\n"),
    SCRIPT("a minute has half of its seconds", RESERVE, CALM,
           "if last + MINUTE > ring.at and",
           "if last + MINUTE / 2 > ring.at and"),
    SCRIPT("one more call may be under way", RESERVE, CALM,
           "is_new and open >= most",
           "is_new and open > most"),
    SCRIPT("a call that has ended keeps its place", FINISH, CALM,
           "        call('ZREM', KEYS[last + 2 * i], call_id)\n",
           ""),
    SCRIPT("tokens that were not used stay counted", FINISH, CALM,
           "math.min(need - used, tonumber(n))",
           "0"),
    SCRIPT("a call of unknown outcome keeps its place", RELEASE, CALM,
           "    call('ZREM', key, match(id, '^(.+)%.%d+$') or id)\n",
           ""),
    SCRIPT("the place of a further attempt is not its call's", RELEASE, CALM,
           "match(id, '^(.+)%.%d+$') or id",
           "id"),
    SCRIPT("an older record replaces a newer one", PUBLISH, CALM,
           "if stored and version <= stored and not is_lost then",
           "if false then"),
    SCRIPT("a change of windows changes limits only", SEED, CALM,
           "call('HSET', KEYS[2], 'v', str(version), 'w', w)",
           "call('HSET', KEYS[2], 'v', str(version))\n"
           "    call('HSETNX', KEYS[2], 'w', w)"),
    {"a window that was taken away seems to be in use", SIM_RULE_SCRIPT,
     ASG_SCRIPT_SEED,
     {{"local old = counters['c:' .. win.w] and olds[win.w]",
       "local old = counters['c:' .. win.w] and (olds[win.w] or set[win.w])"},
      {"            call('HDEL', KEYS[2], 'l:' .. w, 'c:' .. w, 'a:' .. w, "
       "'o:' .. w)\n",
       ""}}, CALM}
};

const unsigned sim_nrules = sizeof(sim_rules) / sizeof(sim_rules[0]);
