// See c11threads.c.
#ifndef SLIDING_STOCK_C11_THREADS_H
#define SLIDING_STOCK_C11_THREADS_H

// 1 if librdkafka gets the functions of this file, 0 if it gets glibc's.
int c11_threads_are_interposed(void);

#endif
