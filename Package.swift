// swift-tools-version: 6.2

import PackageDescription

let package = Package(
  name: "tollgate",
  products: [.executable(name: "tollgate", targets: ["tollgate"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
    .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
  ],
  targets: [
    // The domain: plans, principals, decisions, ports, errors. Imports the standard library alone.
    .target(name: "Gate"),

    // Adapters, each named after what it adapts.
    .target(name: "Signatures", dependencies: ["COpenSSL"]),
    .target(
      name: "HTTPServing",
      dependencies: [
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ]),
    .target(
      name: "RedisStore",
      dependencies: [
        "CEmbedded", "CHiredis", "Gate",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ]),
    .target(
      name: "PostgresStore",
      dependencies: [
        "CEmbedded", "CPostgres", "Gate",
        .product(name: "Logging", package: "swift-log"),
      ],
      exclude: ["Migrations"]),
    .target(name: "Settings", dependencies: ["Gate", "Yams"]),

    // What the adapters serve.
    .target(
      name: "GateAPI",
      dependencies: [
        "Gate", "HTTPServing", "Signatures",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
      ]),
    .target(
      name: "Billing",
      dependencies: [
        "Gate", "Signatures",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ]),
    .target(
      name: "Events",
      dependencies: [
        "Gate", "Signatures",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ]),
    .target(
      name: "AdminAPI",
      dependencies: [
        "Billing", "Gate", "Signatures",
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
      ]),

    .target(
      name: "Dashboard",
      dependencies: [
        "AdminAPI", "Billing", "CEmbedded", "Gate", "Signatures",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Mustache", package: "swift-mustache"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ],
      exclude: ["Pages"]),

    // Wiring, and the command line over it.
    .target(
      name: "TollgateServer",
      dependencies: [
        "AdminAPI", "Billing", "CEmbedded", "Dashboard", "Events", "Gate", "GateAPI", "HTTPServing",
        "PostgresStore", "RedisStore", "Settings", "Signatures",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ]),
    .executableTarget(
      name: "tollgate",
      dependencies: [
        "Gate", "PostgresStore", "Settings", "TollgateServer",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ]),

    // C libraries, each in a room of its own; `unsafe` stays next to them.
    .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
    .systemLibrary(name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    // lua/*.lua and the migrations, embedded by C23's #embed.
    .target(name: "CEmbedded"),

    // Tests start their own Redis and Postgres; see Tests/TestServers.
    .target(
      name: "TestServers",
      dependencies: [
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ], path: "Tests/TestServers"),
    // A Stripe for tests and for script/server --stripe-fake; see docs/STRIPE-FAKE.md.
    .target(
      name: "StripeFake",
      dependencies: [
        "Billing", "Signatures",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ],
      path: "Tests/StripeFake"),
    .executableTarget(
      name: "stripe-fake",
      dependencies: [
        "StripeFake",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ],
      path: "Tests/StripeFakeServer"),
    // Counts mallocs and instructions of the hot path: bench/hot-path/run, docs/HOT-PATH.md.
    .target(name: "CCounting", path: "bench/hot-path/CCounting"),
    .executableTarget(
      name: "hot-path",
      dependencies: [
        "CCounting", "Gate", "GateAPI", "HTTPServing", "RedisStore", "Signatures",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      path: "bench/hot-path/HotPath"),
    .testTarget(name: "GateTests", dependencies: ["Gate"]),
    .testTarget(
      name: "GateAPITests",
      dependencies: [
        "Gate", "GateAPI",
        .product(name: "NIOCore", package: "swift-nio"),
      ]),
    .testTarget(
      name: "HTTPServingTests",
      dependencies: [
        "HTTPServing",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ]),
    .testTarget(name: "SignaturesTests", dependencies: ["Signatures"]),
    .testTarget(name: "SettingsTests", dependencies: ["Gate", "Settings"]),
    .testTarget(
      name: "RedisWireTests",
      dependencies: [
        "Gate", "RedisStore", "TestServers",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ]),
    .testTarget(
      name: "RedisStoreTests",
      dependencies: [
        "CEmbedded", "Gate", "RedisStore", "TestServers",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ]),
    .testTarget(
      name: "TollgateServerTests",
      dependencies: [
        "Billing", "Gate", "PostgresStore", "Settings", "Signatures", "StripeFake", "TestServers",
        "TollgateServer", "tollgate",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ]),
    .testTarget(
      name: "PostgresStoreTests",
      dependencies: [
        "CEmbedded", "Gate", "PostgresStore", "TestServers",
        .product(name: "Logging", package: "swift-log"),
      ]),
    // Billing's store in memory: the model that Postgres must agree with.
    .target(name: "BillingStores", dependencies: ["Gate"], path: "Tests/BillingStores"),
    .testTarget(
      name: "BillingTests",
      dependencies: [
        "Billing", "BillingStores", "Gate", "PostgresStore", "Signatures", "TestServers",
        .product(name: "Logging", package: "swift-log"),
      ],
      exclude: ["Fixtures"]),
    .testTarget(
      name: "StripeHistoryTests",
      dependencies: [
        "Billing", "BillingStores", "Gate", "PostgresStore", "Signatures", "StripeFake", "TestServers",
        .product(name: "Logging", package: "swift-log"),
      ]),
    .testTarget(name: "StripeFakeTests", dependencies: ["Signatures", "StripeFake", "stripe-fake"]),
    .testTarget(
      name: "EventsTests",
      dependencies: [
        "Events", "Gate", "PostgresStore", "Signatures", "TestServers",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ]),
    .testTarget(
      name: "AdminAPITests",
      dependencies: [
        "AdminAPI", "Billing", "Dashboard", "Gate", "Signatures",
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdTesting", package: "hummingbird"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
      ]),
  ],
  cLanguageStandard: .c2x
)

let swiftSettings: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .enableUpcomingFeature("InferIsolatedConformances"),
  .strictMemorySafety(),
]

// The data plane's scanner borrows the request's bytes.
package.targets.first { $0.name == "GateAPI" }?.swiftSettings = [.enableExperimentalFeature("Lifetimes")]

// The compiler (6.3.1) crashes when LLVM splits the coroutines of optimised pages; they have no need to be.
package.targets.first { $0.name == "Dashboard" }?.swiftSettings = [
  .unsafeFlags(["-Onone"], .when(configuration: .release))
]

let cTargets = ["CCounting", "CEmbedded"]
for target in package.targets where target.type != .system && !cTargets.contains(target.name) {
  target.swiftSettings = (target.swiftSettings ?? []) + swiftSettings
}
