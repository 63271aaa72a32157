/* What libstdc++ asks of glibc and only newer ones have. With these, the linux builds
   run on glibc 2.28, which is that of RHEL 8. */

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

/* Since glibc 2.32: a hint that atomic operations can be spared. Go always has threads. */
char __libc_single_threaded = 0;

/* Since glibc 2.36. std::random_device calls it. */
uint32_t arc4random(void)
{
	uint32_t value;
	if (getentropy(&value, sizeof value) != 0)
		abort();
	return value;
}
