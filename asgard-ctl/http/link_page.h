/*
 * The page behind a link of a notice, link_page.html: the same for every link,
 * so that whoever fetches it learns and changes nothing.
 */
#ifndef CTL_LINK_PAGE_H
#define CTL_LINK_PAGE_H

#include <stddef.h>

extern const char ctl_link_page[];
extern const size_t ctl_link_page_len;

#endif
