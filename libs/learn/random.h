// Repeatable pseudo-random numbers: the same seed gives the same numbers on every compiler and
// machine (the standard library's distributions do not promise that).
// Generator: splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
#ifndef KINDRED_LEARN_RANDOM_H_
#define KINDRED_LEARN_RANDOM_H_

#include <cmath>
#include <cstdint>

namespace kindred::learn {

// Threads: one at a time.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  // Uniform in [0, 1).
  double Uniform() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }
  // Uniform in [0, n); n > 0. The bias is below n / 2^53.
  uint64_t Below(uint64_t n) { return static_cast<uint64_t>(Uniform() * static_cast<double>(n)); }
  // Standard normal (Box and Muller 1958, one of the pair).
  double Normal() {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - Uniform()));
    return radius * std::cos(6.283185307179586 * Uniform());
  }

 private:
  uint64_t state_;
};

}  // namespace kindred::learn

#endif  // KINDRED_LEARN_RANDOM_H_
