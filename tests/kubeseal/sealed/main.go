// An implementation of the Sealed Secrets format of its own, to check ours against: written from the format's description
// with nothing but Go's standard library, which is what the controller uses.
//
//	sealed seal CERTIFICATE LABEL    the value on stdin; the sealed text on stdout
//	sealed open KEY LABEL            the sealed text on stdin; the value on stdout
//
// 2 bytes big endian: length of the RSA block; RSA-OAEP with SHA-256 of a 32-byte session key, the label bound to it;
// AES-256-GCM with a zero nonce, the tag at the end; all in base64.
package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
)

func readPEM(path string) ([]byte, string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, "", err
	}
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, "", errors.New("no PEM block in " + path)
	}
	return block.Bytes, block.Type, nil
}

func publicKey(path string) (*rsa.PublicKey, error) {
	der, _, err := readPEM(path)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	key, ok := certificate.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("not an RSA key")
	}
	return key, nil
}

func privateKey(path string) (*rsa.PrivateKey, error) {
	der, kind, err := readPEM(path)
	if err != nil {
		return nil, err
	}
	if kind == "RSA PRIVATE KEY" {
		return x509.ParsePKCS1PrivateKey(der)
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	found, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("not an RSA key")
	}
	return found, nil
}

func gcm(session []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(session)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func seal(certificate, label string, value []byte) ([]byte, error) {
	key, err := publicKey(certificate)
	if err != nil {
		return nil, err
	}
	session := make([]byte, 32)
	if _, err := rand.Read(session); err != nil {
		return nil, err
	}
	wrapped, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, key, session, []byte(label))
	if err != nil {
		return nil, err
	}
	aead, err := gcm(session)
	if err != nil {
		return nil, err
	}
	sealed := binary.BigEndian.AppendUint16(nil, uint16(len(wrapped)))
	sealed = append(sealed, wrapped...)
	sealed = aead.Seal(sealed, make([]byte, aead.NonceSize()), value, nil)
	return []byte(base64.StdEncoding.EncodeToString(sealed)), nil
}

func open(path, label string, text []byte) ([]byte, error) {
	key, err := privateKey(path)
	if err != nil {
		return nil, err
	}
	sealed, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil {
		return nil, err
	}
	if len(sealed) < 2 || len(sealed) < 2+int(binary.BigEndian.Uint16(sealed)) {
		return nil, errors.New("too short")
	}
	size := 2 + int(binary.BigEndian.Uint16(sealed))
	session, err := rsa.DecryptOAEP(sha256.New(), nil, key, sealed[2:size], []byte(label))
	if err != nil {
		return nil, err
	}
	aead, err := gcm(session)
	if err != nil {
		return nil, err
	}
	return aead.Open(nil, make([]byte, aead.NonceSize()), sealed[size:], nil)
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: sealed seal CERTIFICATE LABEL | sealed open KEY LABEL")
		os.Exit(2)
	}
	input, err := io.ReadAll(os.Stdin)
	work := map[string]func(string, string, []byte) ([]byte, error){"seal": seal, "open": open}[os.Args[1]]
	var output []byte
	if err == nil && work == nil {
		err = errors.New("seal or open")
	}
	if err == nil {
		output, err = work(os.Args[2], os.Args[3], input)
	}
	if err == nil {
		_, err = os.Stdout.Write(output)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sealed:", err)
		os.Exit(1)
	}
}
