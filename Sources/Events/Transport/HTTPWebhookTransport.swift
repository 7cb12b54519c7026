internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
package import NIOPosix

/// Targets over async-http-client, with connections of its own.
package struct HTTPWebhookTransport: WebhookTransport {
  private let client: HTTPClient

  /// `connectionsPerHost`: as many attempts as may be under way at once, so that none waits for another.
  /// ``shutdown()`` has to be called at the end.
  package init(group: MultiThreadedEventLoopGroup, connectionsPerHost: Int) {
    var configuration = HTTPClient.Configuration()
    configuration.redirectConfiguration = .disallow
    configuration.decompression = .disabled
    // The schedule tries again, nobody else: an attempt is one request.
    configuration.connectionPool.retryConnectionEstablishment = false
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = max(1, connectionsPerHost)
    configuration.connectionPool.idleTimeout = .seconds(30)
    client = HTTPClient(eventLoopGroup: group, configuration: configuration)
  }

  package func post(_ request: WebhookRequest) async throws -> WebhookReply {
    var message = HTTPClientRequest(url: request.url)
    message.method = .POST
    for header in request.headers { message.headers.add(name: header.name, value: header.value) }
    message.body = .bytes(ByteBuffer(bytes: request.body))
    let end = ContinuousClock.now + .milliseconds(request.timeoutMilliseconds)
    let response = try await answer(to: message, request.timeoutMilliseconds)
    let retryAfter = response.headers.first(name: "retry-after").flatMap { Int64($0) }
    return WebhookReply(
      status: Int(response.status.code), retryAfterSeconds: retryAfter.map { max(0, $0) },
      body: await HTTPWebhookTransport.beginning(of: response.body, until: end))
  }

  package func shutdown() async throws { try await client.shutdown() }

  private func answer(
    to message: HTTPClientRequest, _ timeoutMilliseconds: Int64
  ) async throws -> HTTPClientResponse {
    do {
      return try await client.execute(message, timeout: .milliseconds(timeoutMilliseconds))
    } catch {
      try Task.checkCancellation()
      throw HTTPWebhookTransport.failure(error, timeoutMilliseconds)
    }
  }

  /// The status has decided already: what can't be read of the body in time and bounds is left, and its
  /// connection with it.
  private static func beginning(
    of body: HTTPClientResponse.Body, until end: ContinuousClock.Instant
  ) async -> [UInt8] {
    await withTaskGroup(of: [UInt8]?.self) { group in
      group.addTask {
        var bytes: [UInt8] = []
        do {
          for try await part in body {
            bytes += part.readableBytesView.prefix(WebhookReply.bodyBytesMax - bytes.count)
            if bytes.count >= WebhookReply.bodyBytesMax { break }
          }
        } catch {
          // What came until here is good enough.
        }
        return bytes
      }
      group.addTask {
        try? await Task.sleep(until: end)
        return nil
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      return first ?? []
    }
  }

  private static func failure(_ error: any Error, _ timeoutMilliseconds: Int64) -> WebhookFailure {
    switch error {
    case let error as HTTPClientError where error == .deadlineExceeded || error == .connectTimeout:
      WebhookFailure("no answer within \(timeoutMilliseconds) ms")
    case let error as HTTPClientError: WebhookFailure(error.shortDescription)
    case let error as NIOConnectionError:
      WebhookFailure(
        "can't connect: \(error.connectionErrors.first.map { "\($0.error)" } ?? "the name leads nowhere")")
    // TLS and DNS say it in their own words.
    default: WebhookFailure("\(error)")
    }
  }
}
