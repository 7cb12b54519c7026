internal import NIOCore

/// The requests that Redis owes replies to, oldest first. RESP2 has no request ids: the n-th reply belongs
/// to the n-th request, so an entry leaves only from the head, when its reply has come. A request whose
/// owner was told that it timed out stays as a tombstone, and its late reply goes nowhere.
struct RequestRing<Owner> {
  enum Role {
    /// Has an owner who is told of the outcome.
    case request
    /// Timed out; the reply is still to come, and is dropped.
    case tombstone
    /// A PING of the connection itself.
    case probe
  }

  struct Entry {
    var role: Role
    var owner: Owner?
    var tag: Int
    var deadline: NIODeadline
  }

  private var slots: [Entry?]
  private var head = 0
  private(set) var count = 0
  private(set) var tombstones = 0
  /// No living entry has an earlier deadline. It may be earlier than all of them, after replies.
  private(set) var earliestDeadline = NIODeadline.distantFuture

  var isEmpty: Bool { count == 0 }

  init(capacity: Int = 64) {
    var rounded = 1
    while rounded < capacity { rounded *= 2 }
    slots = Array(repeating: nil, count: rounded)
  }

  mutating func append(_ entry: Entry) {
    if count == slots.count { grow() }
    slots[(head + count) & (slots.count - 1)] = entry
    count += 1
    if entry.deadline < earliestDeadline { earliestDeadline = entry.deadline }
  }

  /// Takes out the entry that the next reply belongs to; nil when no reply is owed.
  mutating func removeFirst() -> Entry? {
    guard count > 0 else { return nil }
    let entry = slots[head].take()
    head = (head + 1) & (slots.count - 1)
    count -= 1
    if entry?.role == .tombstone { tombstones -= 1 }
    if count == 0 { earliestDeadline = .distantFuture }
    return entry
  }

  /// Turns every request whose deadline is not after `now` into a tombstone, and gives it to `body` as it
  /// was. The whole ring is looked at: a cold command with a late deadline may stand before hot ones. That
  /// happens once per timer, not per request.
  mutating func expire(now: NIODeadline, _ body: (Entry) -> Void) {
    guard earliestDeadline <= now else { return }
    earliestDeadline = .distantFuture
    for offset in 0..<count {
      let index = (head + offset) & (slots.count - 1)
      guard let entry = slots[index], entry.role != .tombstone else { continue }
      if entry.deadline > now {
        earliestDeadline = min(earliestDeadline, entry.deadline)
        continue
      }
      slots[index]?.role = .tombstone
      slots[index]?.owner = nil
      tombstones += 1
      body(entry)
    }
  }

  /// Empties the ring, and gives each request that is still owed an outcome to `body`, oldest first.
  mutating func removeAll(_ body: (Entry) -> Void) {
    while let entry = removeFirst() {
      if entry.role == .request { body(entry) }
    }
  }

  private mutating func grow() {
    var larger: [Entry?] = []
    larger.reserveCapacity(slots.count * 2)
    for offset in 0..<count { larger.append(slots[(head + offset) & (slots.count - 1)]) }
    larger.append(contentsOf: repeatElement(nil, count: slots.count * 2 - count))
    slots = larger
    head = 0
  }
}
