// What a thread is called where an operator looks: `top -H`, `perf`, a core dump.
#ifndef KINDRED_BASE_THREAD_NAME_H_
#define KINDRED_BASE_THREAD_NAME_H_

namespace kindred::base {

// Names the calling thread; at most 15 characters are kept.
void NameThread(const char* name);

}  // namespace kindred::base

#endif  // KINDRED_BASE_THREAD_NAME_H_
