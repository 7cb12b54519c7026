internal import NIOCore

/// Time limits, told by the sweeps of the loop: arming one is two stores, and no timer is ever scheduled.
extension HTTPConnection {
  /// Sets the deadline of what the connection waits for now. A wait that merely goes on keeps its deadline,
  /// or a client could stretch it for ever by sending a byte at a time.
  func armDeadline() {
    let limit = currentLimit
    guard limit != self.limit else { return }
    self.limit = limit
    let configuration = loop.configuration
    switch limit {
    case .none: deadline = .max
    case .idle: deadline = loop.deadline(afterMilliseconds: configuration.idleMillisecondsMax)
    case .head: deadline = loop.deadline(afterMilliseconds: configuration.headMillisecondsMax)
    case .body: deadline = loop.deadline(afterMilliseconds: configuration.bodyMillisecondsMax)
    case .linger: deadline = loop.deadline(afterMilliseconds: configuration.lingerMillisecondsMax)
    case .write:
      stalledBytes = bufferedBytes
      deadline = loop.deadline(afterMilliseconds: configuration.writeStallMillisecondsMax)
    }
  }

  private var currentLimit: Limit {
    switch phase {
    case .reading:
      if !isWritable { return .write }
      if exchange.inbound.isBlank { return .idle }
      switch exchange.inbound.parser.phase {
      case .requestLine, .fields: return .head
      default: return .body
      }
    case .inFlight, .closed: return .none
    case .closing: return .write
    case .lingering: return .linger
    }
  }

  /// Called by the sweep.
  func deadlinePassed() {
    switch limit {
    case .none:
      deadline = .max
    case .idle, .linger:
      close()
    case .head, .body:
      timeOut()
    case .write:
      let buffered = bufferedBytes
      if buffered < stalledBytes {
        // Slow, but taking what we send: a large download over a thin line is no attack.
        stalledBytes = buffered
        deadline = loop.deadline(
          afterMilliseconds: loop.configuration.writeStallMillisecondsMax)
      } else {
        loop.counters.connectionTimedOut()
        close()
      }
    }
  }

  /// Bytes that the kernel hasn't taken yet.
  private var bufferedBytes: Int {
    guard let options = context?.channel.syncOptions else { return 0 }
    return (try? options.getOption(.bufferedWritableBytes)) ?? 0
  }
}
