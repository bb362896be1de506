#!/bin/sh
# Makes the chain and the signatures of this folder with OpenSSL's command alone: new keys, which
# are deleted again, so every file but the texts written by hand becomes another one.
set -eu
cd "$(dirname "$0")"
keys=$(mktemp -d)
trap 'rm -rf "$keys"' EXIT

key() {
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out "$keys/$1.key" 2> /dev/null
}

# certificate NAME PARENT SUBJECT EXTENSIONS
certificate() {
  printf '%s\n' "$4" > "$keys/$1.ext"
  openssl req -new -sha384 -key "$keys/$1.key" -subj "$3" -out "$keys/$1.csr"
  if [ "$1" = "$2" ]; then
    set -- "$1" -key "$keys/$2.key"
  else
    set -- "$1" -CA "$keys/$2.pem" -CAkey "$keys/$2.key" -CAcreateserial
  fi
  name=$1
  shift
  openssl x509 -req -sha384 -days 36500 -in "$keys/$name.csr" -extfile "$keys/$name.ext" \
    -out "$keys/$name.pem" "$@" 2> /dev/null
}

# sign PAYLOAD KEY FILE: the DER signature in base64
sign() {
  { printf 'Content-Signature:\000'; cat "$1.payload.json"; } > "$keys/payload"
  openssl dgst -sha384 -sign "$keys/$2.key" -out "$keys/der" "$keys/payload"
  openssl base64 -A -in "$keys/der" > "$3"
  printf '\n' >> "$3"
}

key root
key intermediate
key leaf
key other
certificate root root '/O=Vectors by OpenSSL/CN=root' 'basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign'
certificate intermediate root '/O=Vectors by OpenSSL/CN=intermediate' 'basicConstraints=critical,CA:TRUE,pathlen:0
keyUsage=critical,keyCertSign,cRLSign
extendedKeyUsage=codeSigning
nameConstraints=critical,permitted;DNS:.content-signature.mozilla.org'
certificate leaf intermediate '/O=Vectors by OpenSSL/CN=leaf' 'keyUsage=critical,digitalSignature
extendedKeyUsage=codeSigning
subjectAltName=DNS:remote-settings.content-signature.mozilla.org'
cat "$keys/leaf.pem" "$keys/intermediate.pem" "$keys/root.pem" > chain.pem

for name in good empty fractions server-fractions; do
  sign "$name" leaf "$name.signature"
done
sign good other good.other-key.signature
openssl x509 -in "$keys/root.pem" -noout -fingerprint -sha256
