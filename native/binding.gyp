{
  # The OpenSSL is the one inside Node: its headers come with Node's, its symbols from the running process.
  "variables": { "sanitize%": "" },
  "targets": [
    {
      "target_name": "strongroom",
      "sources": ["<!@(ls *.c)"],
      "defines": ["NAPI_VERSION=9", "OPENSSL_SUPPRESS_DEPRECATED", "_GNU_SOURCE"],
      "cflags": [
        "-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Wno-sign-conversion", "-Wno-missing-field-initializers",
        "-fvisibility=hidden", "-fstack-protector-strong"
      ],
      "ldflags": ["-Wl,-z,relro,-z,now,-z,noexecstack"],
      "conditions": [
        ["sanitize==''", { "cflags": ["-O2", "-D_FORTIFY_SOURCE=2"] }, {
          "cflags": ["-O1", "-g", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all", "-fsanitize=<(sanitize)"],
          "ldflags": ["-fsanitize=<(sanitize)"]
        }]
      ]
    }
  ]
}
