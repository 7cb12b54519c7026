import Glibc

/// A value under a lock that threads can wait on. The standard library's `Mutex` has no condition
/// variable, and the workers have to sleep until there is a job.
@safe final class Monitor<Value>: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>
  private var value: Value

  init(_ value: Value) {
    self.value = value
    unsafe mutex = .allocate(capacity: 1)
    unsafe condition = .allocate(capacity: 1)
    unsafe pthread_mutex_init(mutex, nil)
    // Deadlines are of the monotonic clock: a step of the wall clock must not wake or strand anybody.
    var attributes = pthread_condattr_t()
    unsafe pthread_condattr_init(&attributes)
    unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    unsafe pthread_cond_init(condition, &attributes)
    unsafe pthread_condattr_destroy(&attributes)
  }

  deinit {
    unsafe pthread_cond_destroy(condition)
    unsafe pthread_mutex_destroy(mutex)
    unsafe condition.deallocate()
    unsafe mutex.deallocate()
  }

  /// Changes the value and wakes those who wait.
  func update<Result>(_ body: (inout Value) -> Result) -> Result {
    unsafe pthread_mutex_lock(mutex)
    defer {
      unsafe pthread_cond_broadcast(condition)
      unsafe pthread_mutex_unlock(mutex)
    }
    return body(&value)
  }

  /// Blocks until the body gives something, or until `deadline`: then nil.
  func wait<Result>(until deadline: Deadline? = nil, _ body: (inout Value) -> Result?) -> Result? {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    while true {
      if let result = body(&value) { return result }
      if let deadline {
        var time = deadline.timespec
        if unsafe pthread_cond_timedwait(condition, mutex, &time) == ETIMEDOUT {
          return body(&value)
        }
      } else {
        unsafe pthread_cond_wait(condition, mutex)
      }
    }
  }
}

/// A moment of the monotonic clock.
struct Deadline: Comparable, Sendable {
  private let nanoseconds: Int64

  static var now: Deadline {
    var time = Glibc.timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return Deadline(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }
  static func after(milliseconds: Int64) -> Deadline {
    Deadline(nanoseconds: now.nanoseconds + milliseconds * 1_000_000)
  }
  static func < (left: Deadline, right: Deadline) -> Bool { left.nanoseconds < right.nanoseconds }

  /// Until then, rounded up; 0 when it has passed.
  var millisecondsLeft: Int32 {
    let left = (nanoseconds - Deadline.now.nanoseconds + 999_999) / 1_000_000
    return Int32(clamping: max(0, left))
  }
  var timespec: Glibc.timespec {
    Glibc.timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
  }
}
