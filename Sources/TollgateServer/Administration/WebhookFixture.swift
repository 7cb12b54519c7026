internal import AdminAPI
internal import AsyncHTTPClient
internal import Billing
internal import Foundation
internal import Gate
internal import NIOCore
internal import NIOPosix
package import Settings
internal import Signatures

/// `webhook send`: a file that is posted to a gate as Stripe would post it.
package enum WebhookFixture {
  /// As many bytes as the gate takes.
  private static let bytesMax = 1_048_576

  /// Signs the file with the first webhook secret and posts it; `url` nil: to the gate that the settings
  /// describe. An answer other than 2xx is a failure.
  package static func send(_ path: String, to url: String?, _ settings: Settings) async throws -> Answer {
    guard let secret = settings.server.stripe.webhookSecrets.first else {
      throw CommandFailure("no webhook secret is configured: set TOLLGATE_STRIPE_WEBHOOK_SECRETS")
    }
    let secrets = try WebhookSecrets([secret.revealed])
    guard let url = url ?? WebhookFixture.url(settings.server.http.gateListeners) else {
      throw CommandFailure("the settings name no address that can be posted to: give --url")
    }
    let body = try read(path)
    let reply = try await post(body, to: url, secrets)
    let text = String(decoding: reply.body, as: UTF8.self)
    var answer = Answer(
      ["status": .integer(Int64(reply.status)), "body": .embedded(text)],
      [.line("\(reply.status) \(Printable.line(text))")])
    if !(200..<300).contains(reply.status) {
      answer.failure = CommandFailure("the gate refused it with \(reply.status)")
    }
    return answer
  }

  private static func post(
    _ body: [UInt8], to url: String, _ secrets: WebhookSecrets
  ) async throws -> (status: Int, body: [UInt8]) {
    var configuration = HTTPClient.Configuration()
    // A gate that isn't there is told at once, instead of being tried until the time is up.
    configuration.connectionPool.retryConnectionEstablishment = false
    configuration.timeout.connect = .seconds(5)
    let client = HTTPClient(
      eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: configuration)
    do {
      let reply = try await WebhookSender.send(
        body: body, to: url, secrets: secrets, timestamp: Clock.now().seconds, client: client)
      try await client.shutdown()
      return reply
    } catch {
      try? await client.shutdown()
      let cause = (error as? HTTPClientError)?.shortDescription ?? "\(error)"
      throw CommandFailure("the gate at \(url) does not answer: \(cause)")
    }
  }

  /// Where a process of the same machine reaches the first of the listeners that has a fixed address.
  package static func url(_ listeners: [ListenAddress]) -> String? {
    for listener in listeners {
      switch listener {
      case .tcp(_, port: 0): continue
      case .tcp(let host, let port):
        let reachable = host == "0.0.0.0" ? "127.0.0.1" : host == "::" ? "::1" : host
        return "http://\(reachable.contains(":") ? "[\(reachable)]" : reachable):\(port)/webhooks/stripe"
      case .unix(let path):
        let host = path.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        return "http+unix://\(host)/webhooks/stripe"
      }
    }
    return nil
  }

  private static func read(_ path: String) throws -> [UInt8] {
    let file: FileHandle
    let data: Data
    do {
      file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
      defer { try? file.close() }
      data = try file.read(upToCount: bytesMax + 1) ?? Data()
    } catch {
      throw CommandFailure("\(path) can't be read")
    }
    guard data.count <= bytesMax else { throw CommandFailure("\(path) has more than 1 MiB") }
    guard (try? JSON(parsing: Array(data))) != nil else { throw CommandFailure("\(path) is not JSON") }
    return Array(data)
  }
}
