// The smallest Go program that verifies signatures completely, for comparison with ours.
//
// usage: lean SERVER ROOT_HASH WORKERS
//
// It does what lean.py does, with the standard library only: settings, retries and explanations are
// left out, unlike in ours.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

const signer = "remote-settings.content-signature.mozilla.org"

type entry struct {
	Bucket       string `json:"bucket"`
	Collection   string `json:"collection"`
	LastModified int64  `json:"last_modified"`
}

type changeset struct {
	Timestamp int64            `json:"timestamp"`
	Changes   []map[string]any `json:"changes"`
	Metadata  struct {
		Signatures []struct {
			Signature string `json:"signature"`
			X5u       string `json:"x5u"`
		} `json:"signatures"`
	} `json:"metadata"`
}

type verifier struct {
	server, rootHash string
	client           *http.Client
	lock             sync.Mutex
	keys             map[string]*ecdsa.PublicKey // by x5u
}

func main() {
	workers, err := strconv.Atoi(os.Args[3])
	if err == nil {
		err = run(os.Args[1], os.Args[2], workers)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "lean:", err)
		os.Exit(2)
	}
}

func run(server, rootHash string, workers int) error {
	v := &verifier{
		server:   server,
		rootHash: strings.ToLower(strings.ReplaceAll(rootHash, ":", "")),
		client:   &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: workers}},
		keys:     map[string]*ecdsa.PublicKey{},
	}
	var list struct {
		Changes []entry `json:"changes"`
	}
	if err := v.read(server+"/buckets/monitor/collections/changes/changeset?_expected=0", &list); err != nil {
		return err
	}
	type result struct {
		good bool
		err  error
	}
	results := make([]chan result, len(list.Changes))
	for i := range results {
		results[i] = make(chan result, 1)
	}
	next := make(chan int)
	for range workers {
		go func() {
			for i := range next {
				good, err := v.verify(list.Changes[i])
				results[i] <- result{good, err}
			}
		}()
	}
	go func() {
		for i := range list.Changes {
			next <- i
		}
		close(next)
	}()
	bad := false
	for i, e := range list.Changes {
		r := <-results[i]
		if r.err != nil {
			return r.err
		}
		verdict := "OK"
		if !r.good {
			verdict, bad = "BAD", true
		}
		fmt.Printf("%02d/%02d /buckets/%s/collections/%s:  %s\n",
			i+1, len(list.Changes), e.Bucket, e.Collection, verdict)
	}
	if bad {
		os.Exit(1)
	}
	return nil
}

func (v *verifier) get(url string) (io.ReadCloser, error) {
	response, err := v.client.Get(url)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, fmt.Errorf("%s: %s", url, response.Status)
	}
	return response.Body, nil
}

func (v *verifier) read(url string, into any) error {
	body, err := v.get(url)
	if err != nil {
		return err
	}
	defer body.Close()
	decoder := json.NewDecoder(body)
	decoder.UseNumber() // as it was written
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	_, err = io.Copy(io.Discard, body) // the connection can be used again
	return err
}

func (v *verifier) verify(e entry) (bool, error) {
	var c changeset
	url := fmt.Sprintf("%s/buckets/%s/collections/%s/changeset?_expected=%d",
		v.server, e.Bucket, e.Collection, e.LastModified)
	if err := v.read(url, &c); err != nil {
		return false, err
	}
	if len(c.Metadata.Signatures) == 0 {
		return false, fmt.Errorf("%s: no signature", url)
	}
	key, err := v.leafKey(c.Metadata.Signatures[0].X5u)
	if err != nil {
		return false, err
	}
	signature, err := base64.URLEncoding.DecodeString(c.Metadata.Signatures[0].Signature)
	if err != nil || len(signature) != 96 {
		return false, fmt.Errorf("%s: the signature is not 96 bytes of base64", url)
	}
	signed, err := payload(&c)
	if err != nil {
		return false, err
	}
	digest := sha512.Sum384(signed)
	r, s := new(big.Int).SetBytes(signature[:48]), new(big.Int).SetBytes(signature[48:])
	return ecdsa.Verify(key, digest[:], r, s), nil
}

// payload returns the bytes that a collection's signature signs.
func payload(c *changeset) ([]byte, error) {
	records := make([]map[string]any, 0, len(c.Changes))
	for _, record := range c.Changes {
		if record["deleted"] != true {
			records = append(records, record)
		}
	}
	id := func(i int) string { text, _ := records[i]["id"].(string); return text }
	sort.Slice(records, func(i, j int) bool { return id(i) < id(j) })
	signed := []byte("Content-Signature:\x00{\"data\":[")
	var err error
	for i, record := range records {
		if i > 0 {
			signed = append(signed, ',')
		}
		if signed, err = appendCanonical(signed, record); err != nil {
			return nil, err
		}
	}
	return fmt.Appendf(signed, `],"last_modified":"%d"}`, c.Timestamp), nil
}

// appendCanonical prints a value as signatures need it: keys in order, no spaces, ASCII only.
func appendCanonical(to []byte, value any) ([]byte, error) {
	var err error
	switch v := value.(type) {
	case nil:
		return append(to, "null"...), nil
	case bool:
		return strconv.AppendBool(to, v), nil
	case string:
		return appendString(to, v), nil
	case json.Number:
		if !strings.ContainsAny(v.String(), ".eE") {
			return append(to, v...), nil
		}
		float, err := v.Float64()
		if err != nil {
			return nil, err
		}
		text, err := json.Marshal(float) // as ECMAScript prints it
		return append(to, text...), err
	case []any:
		to = append(to, '[')
		for i, element := range v {
			if i > 0 {
				to = append(to, ',')
			}
			if to, err = appendCanonical(to, element); err != nil {
				return nil, err
			}
		}
		return append(to, ']'), nil
	case map[string]any:
		keys := make([]string, 0, len(v))
		for key := range v {
			keys = append(keys, key)
		}
		sort.Strings(keys)
		to = append(to, '{')
		for i, key := range keys {
			if i > 0 {
				to = append(to, ',')
			}
			to = append(appendString(to, key), ':')
			if to, err = appendCanonical(to, v[key]); err != nil {
				return nil, err
			}
		}
		return append(to, '}'), nil
	}
	return nil, fmt.Errorf("unexpected %T", value)
}

func appendString(to []byte, text string) []byte {
	const short = "\b\f\n\r\t\"\\"
	const letters = `bfnrt"\`
	to = append(to, '"')
	for i := 0; i < len(text); {
		start := i
		for i < len(text) && text[i] >= ' ' && text[i] <= '~' && text[i] != '"' && text[i] != '\\' {
			i++
		}
		to = append(to, text[start:i]...)
		if i == len(text) {
			break
		}
		character, size := utf8.DecodeRuneInString(text[i:])
		i += size
		if at := strings.IndexRune(short, character); at >= 0 {
			to = append(to, '\\', letters[at])
		} else if character <= 0xffff {
			to = fmt.Appendf(to, `\u%04x`, character)
		} else {
			character -= 0x10000
			to = fmt.Appendf(to, `\u%04x\u%04x`, 0xd800+character>>10, 0xdc00+character&0x3ff)
		}
	}
	return append(to, '"')
}

// leafKey reads and checks a chain once.
func (v *verifier) leafKey(x5u string) (*ecdsa.PublicKey, error) {
	v.lock.Lock()
	defer v.lock.Unlock()
	if key := v.keys[x5u]; key != nil {
		return key, nil
	}
	body, err := v.get(x5u)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	chain, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	key, err := checkChain(chain, v.rootHash)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", x5u, err)
	}
	v.keys[x5u] = key
	return key, nil
}

func checkChain(chain []byte, rootHash string) (*ecdsa.PublicKey, error) {
	var certificates []*x509.Certificate
	for block, rest := pem.Decode(chain); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		certificates = append(certificates, certificate)
	}
	if len(certificates) != 3 {
		return nil, errors.New("not three certificates")
	}
	leaf, intermediate, root := certificates[0], certificates[1], certificates[2]
	if hash := sha256.Sum256(root.Raw); hex.EncodeToString(hash[:]) != rootHash {
		return nil, errors.New("wrong root")
	}
	roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(root)
	intermediates.AddCert(intermediate)
	_, err := leaf.Verify(x509.VerifyOptions{
		DNSName:       signer,
		Roots:         roots,
		Intermediates: intermediates,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	})
	if err != nil {
		return nil, err
	}
	key, isEcdsa := leaf.PublicKey.(*ecdsa.PublicKey)
	if !isEcdsa || key.Curve != elliptic.P384() {
		return nil, errors.New("wrong curve")
	}
	return key, nil
}
