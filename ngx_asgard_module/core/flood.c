/* Credentials that are none, by address: a table without a lock. */
#include <string.h>

#include "core/flood.h"

#define SECOND_US 1000000
#define TRIES     8                     /* of others that count it at once */
#define NOBODY    1

static uint64_t first_bytes(const uint8_t *bytes, size_t n)
{
    uint64_t all = 0;

    for (size_t i = 0; i < n; i++) {
        all = all << 8 | bytes[i];
    }
    return all;
}

uint64_t asg_flood_address(const uint8_t *bytes, size_t len)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    uint64_t address = 0;

    if (len == 16 && memcmp(bytes, mapped, sizeof(mapped)) == 0) {
        bytes += sizeof(mapped);
        len = 4;
    }
    if (len == 4) {
        address = (uint64_t) 0xffff << 32 | first_bytes(bytes, 4);
    } else if (len == 16) {
        address = first_bytes(bytes, 8);
    }
    return address != 0 ? address : NOBODY;
}

/* The address's place, or the one that it takes over. */
static asg_flood_place_t *place_of(asg_flood_t *flood, uint64_t address)
{
    /* Fibonacci hashing: neighbours are far apart */
    uint64_t hash = (address * UINT64_C(0x9e3779b97f4a7c15)) >> 32;
    asg_flood_place_t *set = flood->places[hash % ASG_FLOOD_SETS];
    asg_flood_place_t *place = set;

    for (size_t i = 0; i < ASG_FLOOD_WAYS; i++) {
        if (set[i].address == address) {
            return &set[i];
        }
        if (set[i].forgiven_us < place->forgiven_us) {
            place = &set[i];
        }
    }
    place->address = address;
    place->forgiven_us = 0;
    return place;
}

bool asg_flood_is_over(asg_flood_t *flood, uint64_t address, uint64_t now_us,
                       uint64_t per_s)
{
    if (per_s == 0) {
        return false;
    }

    asg_flood_place_t *place = place_of(flood, address);
    uint64_t old = place->forgiven_us;

    for (int i = 0; i < TRIES; i++) {
        uint64_t since = old > now_us ? old : now_us;

        if (since - now_us >= SECOND_US) {
            return true;
        }
        if (atomic_compare_exchange_weak(&place->forgiven_us, &old,
                                         since + SECOND_US / per_s)) {
            break;
        }
    }
    return false;
}
