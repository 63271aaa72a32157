// Command badinit is a Lambda function that does not come to ask for work, in
// the way that HOW says.
package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
)

func main() {
	fmt.Println("starting, as", os.Getenv("HOW"))
	switch os.Getenv("HOW") {
	case "exit":
		os.Exit(3)
	case "panic":
		panic("no configuration")
	case "hang":
		time.Sleep(time.Hour)
	case "report":
		// aws-lambda-go never reports a failed start; other runtimes do.
		url := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/init/error"
		resp, err := http.Post(url, "application/json", strings.NewReader(
			`{"errorType": "Config.Missing", "errorMessage": "CLEARHOP_NLB is not set", "stackTrace": []}`))
		if err != nil {
			panic(err)
		}
		fmt.Println("reported:", resp.StatusCode)
		os.Exit(1)
	}
}
