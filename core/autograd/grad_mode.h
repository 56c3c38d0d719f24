// Whether operations record themselves for backward; one switch a thread.
#pragma once

namespace heed {

namespace detail {
extern constinit thread_local bool grad_mode;
}

/// True where operations of this thread are recorded (the default).
inline bool grad_enabled() { return detail::grad_mode; }
inline void set_grad_enabled(bool enabled) { detail::grad_mode = enabled; }

/// Sets grad mode for as long as it lives.
class GradModeGuard {
 public:
  explicit GradModeGuard(bool enabled) : before_(grad_enabled()) { set_grad_enabled(enabled); }
  ~GradModeGuard() { set_grad_enabled(before_); }
  GradModeGuard(const GradModeGuard&) = delete;
  GradModeGuard& operator=(const GradModeGuard&) = delete;

 private:
  bool before_;
};

/// Nothing is recorded while it lives: evaluation, updates of weights.
class NoGradGuard : public GradModeGuard {
 public:
  NoGradGuard() : GradModeGuard(false) {}
};

/// For code that only evaluates. The same as NoGradGuard here: without a grad_fn, a tensor of heed
/// carries nothing more that could be switched off.
class InferenceModeGuard : public GradModeGuard {
 public:
  InferenceModeGuard() : GradModeGuard(false) {}
};

/// Records again inside a NoGradGuard.
class EnableGradGuard : public GradModeGuard {
 public:
  EnableGradGuard() : GradModeGuard(true) {}
};

}  // namespace heed
