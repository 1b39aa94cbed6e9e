// See c11threads.c. A test that asks for it makes sure that it is linked into the bundle.
#ifndef SLIDING_STOCK_C11_THREADS_H
#define SLIDING_STOCK_C11_THREADS_H

// Always 1.
int c11_threads_are_interposed(void);

#endif
