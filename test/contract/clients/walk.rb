# Drives a KMS through the AWS SDK for Ruby: what it finds wrong, it raises.
require "aws-sdk-kms"

def expect(holds, what)
  raise what unless holds
end

def refused(error)
  yield
  raise "answered instead of #{error}"
rescue error
  nil
end

kms = Aws::KMS::Client.new(endpoint: ENV.fetch("AWS_ENDPOINT_URL_KMS"))
key = kms.create_key(description: "ruby", tags: [{ tag_key: "team", tag_value: "x" }]).key_metadata
expect key.key_state == "Enabled" && key.creation_date.year >= 2026, "the key's metadata"

about = { "app" => "ruby" }
sealed = kms.encrypt(key_id: key.arn, plaintext: "secret", encryption_context: about).ciphertext_blob
expect kms.decrypt(ciphertext_blob: sealed, encryption_context: about).plaintext == "secret", "the plaintext"
refused(Aws::KMS::Errors::InvalidCiphertextException) { kms.decrypt(ciphertext_blob: sealed) }

data = kms.generate_data_key(key_id: key.key_id, key_spec: "AES_256")
expect data.plaintext.bytesize == 32, "the length of the data key"
expect kms.decrypt(ciphertext_blob: data.ciphertext_blob).plaintext == data.plaintext, "the data key"

other = kms.create_key.key_metadata
moved = kms.re_encrypt(ciphertext_blob: data.ciphertext_blob, destination_key_id: other.key_id)
expect moved.key_id == other.arn && moved.source_key_id == key.arn, "the keys of ReEncrypt"
expect kms.decrypt(ciphertext_blob: moved.ciphertext_blob).plaintext == data.plaintext, "what was moved"

kms.create_alias(alias_name: "alias/ruby", target_key_id: key.key_id)
expect kms.describe_key(key_id: "alias/ruby").key_metadata.arn == key.arn, "the alias"
refused(Aws::KMS::Errors::NotFoundException) { kms.describe_key(key_id: "alias/none") }

listed = kms.list_keys(limit: 1).each_page.flat_map(&:keys).map(&:key_id)
expect [key, other].all? { |made| listed.include?(made.key_id) } && listed.uniq == listed, "the pages of ListKeys"
puts "done"
