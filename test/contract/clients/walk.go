// Drives a KMS through the AWS SDK for Go: what it finds wrong, it panics with.
package main

import (
	"bytes"
	"context"
	"errors"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

func must[T any](answer T, err error) T {
	if err != nil {
		panic(err)
	}
	return answer
}

func expect(holds bool, what string) {
	if !holds {
		panic(what)
	}
}

func main() {
	ctx := context.Background()
	client := kms.New(kms.Options{
		Region:           os.Getenv("AWS_REGION"),
		EndpointResolver: kms.EndpointResolverFromURL(os.Getenv("AWS_ENDPOINT_URL_KMS")),
		Credentials:      credentials.NewStaticCredentialsProvider(os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), ""),
	})
	key := must(client.CreateKey(ctx, &kms.CreateKeyInput{Description: aws.String("go")})).KeyMetadata
	expect(key.KeyState == types.KeyStateEnabled && key.CreationDate.Year() >= 2026, "the key's metadata")

	about := map[string]string{"app": "go"}
	sealed := must(client.Encrypt(ctx, &kms.EncryptInput{KeyId: key.Arn, Plaintext: []byte("secret"), EncryptionContext: about}))
	opened := must(client.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: sealed.CiphertextBlob, EncryptionContext: about}))
	expect(string(opened.Plaintext) == "secret", "the plaintext")

	var wrong *types.InvalidCiphertextException
	_, err := client.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: sealed.CiphertextBlob})
	expect(errors.As(err, &wrong), "a ciphertext under another context")

	data := must(client.GenerateDataKey(ctx, &kms.GenerateDataKeyInput{KeyId: key.KeyId, KeySpec: types.DataKeySpecAes256}))
	again := must(client.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: data.CiphertextBlob}))
	expect(len(data.Plaintext) == 32 && bytes.Equal(data.Plaintext, again.Plaintext), "the data key")

	pair := must(client.CreateKey(ctx, &kms.CreateKeyInput{KeySpec: types.KeySpecEccNistP256, KeyUsage: types.KeyUsageTypeSignVerify})).KeyMetadata
	signature := must(client.Sign(ctx, &kms.SignInput{KeyId: pair.KeyId, Message: []byte("m"), SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256}))
	verified := must(client.Verify(ctx, &kms.VerifyInput{KeyId: pair.KeyId, Message: []byte("m"), Signature: signature.Signature, SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256}))
	expect(verified.SignatureValid, "the signature")

	var missing *types.NotFoundException
	_, err = client.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: aws.String("alias/none")})
	expect(errors.As(err, &missing), "a key that is not there")

	keys := 0
	for pages := kms.NewListKeysPaginator(client, &kms.ListKeysInput{Limit: aws.Int32(1)}); pages.HasMorePages(); keys++ {
		must(pages.NextPage(ctx))
	}
	expect(keys >= 2, "the pages of ListKeys")
	os.Stdout.WriteString("done\n")
}
