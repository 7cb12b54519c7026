package import Gate
package import Logging
package import NIOCore

extension LoopCheckEngine {
  /// An engine with a connection of its own on `eventLoop`; call there. Every (re)connection has its Redis
  /// verified, its clock read and the library loaded before a question goes out.
  package static func connect(
    on eventLoop: any EventLoop, configuration: RedisConnectionConfiguration, keyspace: Keyspace,
    calendar: any PeriodCalendar, thresholds: [Int], epochs: CounterEpochs, logger: Logger
  ) -> LoopCheckEngine {
    let holder = NIOLoopBoundBox<LoopCheckEngine?>(nil, eventLoop: eventLoop)
    let connection = RedisConnection(
      eventLoop: eventLoop, configuration: configuration, logger: logger,
      onReady: { handshake in
        handshake.load(Scripts.embedded.library).and(epochs.verify(handshake)).flatMap { _, epoch in
          handshake.command(["TIME"]).flatMapThrowing { time in
            guard let engine = holder.value, let parts = time.array, parts.count == 2,
              let seconds = parts[0].integer, let micros = parts[1].integer
            else { throw RedisErrorReply(message: "TIME gave no time") }
            engine.epoch = epoch
            engine.observe(Instant(milliseconds: seconds * 1000 + micros / 1000), exactly: true)
          }
        }
      })
    let engine = LoopCheckEngine(
      connection: connection, keyspace: keyspace, calendar: calendar, thresholds: thresholds)
    holder.value = engine
    return engine
  }

  package var counters: RedisConnectionCounters { connection.counters }

  package func close() { connection.close() }
}
