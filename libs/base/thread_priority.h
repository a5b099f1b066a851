// Which threads come first when the cores are busy.
#ifndef KINDRED_BASE_THREAD_PRIORITY_H_
#define KINDRED_BASE_THREAD_PRIORITY_H_

namespace kindred::base {

// Work that others wait for goes first: threads that answer keep their priority, those that apply
// events come after them, then those that learn, and last those that tidy up.
enum class ThreadRole { kApplies, kLearns, kTidies };

// Lowers the calling thread's priority for good, by the steps of nice(2). What the system refuses
// is left as it is.
void LowerThreadPriority(ThreadRole role);

}  // namespace kindred::base

#endif  // KINDRED_BASE_THREAD_PRIORITY_H_
