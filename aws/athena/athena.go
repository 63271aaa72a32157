// Package athena asks questions of the events in S3: it runs SQL in Athena and returns
// the rows as plain data.
//
//	calls, err := athena.Connect(ctx)
//	e := athena.New(athena.Config{Calls: calls, WorkGroup: "clearhop", Database: "clearhop"})
//	answer, err := e.Ask(ctx, sql)
//	fmt.Println(e.Scanned(), "bytes")
//
// In goes one SELECT in Athena's SQL. Out come all its rows, read page by page. An
// Engine keeps count of the bytes that its queries scanned, because these are what
// Athena bills, and ends a query that scans more than a limit. It needs the
// permissions athena:StartQueryExecution, GetQueryExecution, GetQueryResults and
// StopQueryExecution on the work group, and what the query itself reads in Glue and S3.
//
// An Engine is for one goroutine at a time.
package athena

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"clearhop/analytics"
	"clearhop/aws/account"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/athena"
	"github.com/aws/aws-sdk-go-v2/service/athena/types"
	"github.com/aws/smithy-go"
)

// A Call is a method of an *athena.Client.
type Call[In, Out any] func(context.Context, *In, ...func(*athena.Options)) (*Out, error)

// Calls are the calls of Athena, each the client's method of that name. It is a struct
// and not an interface so that the linker can leave the other methods out.
type Calls struct {
	StartQueryExecution Call[athena.StartQueryExecutionInput, athena.StartQueryExecutionOutput]
	GetQueryExecution   Call[athena.GetQueryExecutionInput, athena.GetQueryExecutionOutput]
	GetQueryResults     Call[athena.GetQueryResultsInput, athena.GetQueryResultsOutput]
	StopQueryExecution  Call[athena.StopQueryExecutionInput, athena.StopQueryExecutionOutput]
}

// Connect makes a client with the usual configuration of AWS's tools, and options that
// stand before it. The errors are those of package account.
func Connect(ctx context.Context, options ...func(*config.LoadOptions) error) (Calls, error) {
	c, err := account.Load(ctx, options...)
	if err != nil {
		return Calls{}, err
	}
	if _, err := account.Credentials(ctx, c.Credentials); err != nil {
		return Calls{}, err // each call would fail with the same error
	}
	client := athena.NewFromConfig(c)
	return Calls{
		StartQueryExecution: client.StartQueryExecution,
		GetQueryExecution:   client.GetQueryExecution,
		GetQueryResults:     client.GetQueryResults,
		StopQueryExecution:  client.StopQueryExecution,
	}, nil
}

// Config says where to ask.
type Config struct {
	Calls     Calls
	WorkGroup string
	Database  string // of the views; "" if the SQL names it
	// MaxScan is how many bytes one query may scan. A query that scans more is ended,
	// and what it scanned until then is billed. 0 means no limit. The work group may
	// have a lower limit of its own.
	MaxScan int64
	// Wait is the time between two looks at a query that runs. 0 means half a second.
	Wait time.Duration
}

// An Engine runs SQL in Athena. It implements analytics.Engine.
type Engine struct {
	config  Config
	scanned int64
}

var _ analytics.Engine = (*Engine)(nil)

// New makes an Engine. It calls nothing.
func New(c Config) *Engine {
	if c.Wait == 0 {
		c.Wait = 500 * time.Millisecond
	}
	return &Engine{config: c}
}

// Scanned returns how many bytes all queries have scanned so far.
func (e *Engine) Scanned() int64 { return e.scanned }

// A QueryError says why Athena did not answer a query.
type QueryError struct {
	ID     string // of the query in Athena's history; "" if it was not started
	Reason string // in Athena's words

	// IsWrong says that Athena refused what it was asked: the SQL, the work group or the
	// database. The same query would be refused again.
	IsWrong bool
}

// Error returns the reason and the query's id.
func (e *QueryError) Error() string {
	if e.ID == "" {
		return "Athena refuses the query: " + e.Reason
	}
	return fmt.Sprintf("Athena did not answer the query %s: %s", e.ID, e.Reason)
}

// A ScanError says that a query was ended because it scanned more than Config.MaxScan.
type ScanError struct {
	ID           string // of the query in Athena's history
	Scanned, Max int64  // bytes
}

// Error returns both sizes.
func (e *ScanError) Error() string {
	return fmt.Sprintf("query %s was ended: it scanned %d bytes, and %d are allowed", e.ID, e.Scanned, e.Max)
}

// Ask runs the SQL and returns its rows. If ctx ends, the query is ended too. An error
// is a *QueryError, a *ScanError, one of package account, or that of ctx.
func (e *Engine) Ask(ctx context.Context, sql string) (analytics.Answer, error) {
	id, err := e.start(ctx, sql)
	if err != nil {
		return analytics.Answer{}, err
	}
	if err := e.wait(ctx, id); err != nil {
		return analytics.Answer{}, err
	}
	return e.rows(ctx, id)
}

func (e *Engine) start(ctx context.Context, sql string) (string, error) {
	in := &athena.StartQueryExecutionInput{QueryString: &sql, WorkGroup: &e.config.WorkGroup}
	if e.config.Database != "" {
		in.QueryExecutionContext = &types.QueryExecutionContext{Database: &e.config.Database}
	}
	out, err := e.config.Calls.StartQueryExecution(ctx, in)
	if err != nil {
		return "", called(ctx, "", err)
	}
	return aws.ToString(out.QueryExecutionId), nil
}

// wait returns when the query has its rows.
func (e *Engine) wait(ctx context.Context, id string) error {
	before := e.scanned
	for {
		out, err := e.config.Calls.GetQueryExecution(ctx, &athena.GetQueryExecutionInput{QueryExecutionId: &id})
		if err != nil {
			err = called(ctx, id, err)
			if ctx.Err() != nil {
				e.stop(ctx, id)
			}
			return err
		}
		q := out.QueryExecution
		if q == nil || q.Status == nil {
			return &QueryError{ID: id, Reason: "its state is missing in the answer"}
		}
		if q.Statistics != nil {
			e.scanned = before + aws.ToInt64(q.Statistics.DataScannedInBytes)
		}
		switch q.Status.State {
		case types.QueryExecutionStateSucceeded:
			return nil
		case types.QueryExecutionStateFailed, types.QueryExecutionStateCancelled:
			return &QueryError{ID: id, Reason: reason(q.Status), IsWrong: isWrong(q.Status)}
		}
		if limit := e.config.MaxScan; limit > 0 && e.scanned-before > limit {
			e.stop(ctx, id)
			return &ScanError{ID: id, Scanned: e.scanned - before, Max: limit}
		}
		select {
		case <-ctx.Done():
			e.stop(ctx, id)
			return ctx.Err()
		case <-time.After(e.config.Wait):
		}
	}
}

// stop ends a query, so that it scans no more. A query that cannot be ended has ended,
// or ends at the work group's limit.
func (e *Engine) stop(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_, _ = e.config.Calls.StopQueryExecution(ctx, &athena.StopQueryExecutionInput{QueryExecutionId: &id})
}

// rows reads all pages.
func (e *Engine) rows(ctx context.Context, id string) (analytics.Answer, error) {
	var a analytics.Answer
	in := &athena.GetQueryResultsInput{QueryExecutionId: &id}
	for page := 0; ; page++ {
		out, err := e.config.Calls.GetQueryResults(ctx, in)
		if err != nil {
			return analytics.Answer{}, called(ctx, id, err)
		}
		if out.ResultSet == nil {
			return a, nil
		}
		rows := out.ResultSet.Rows
		if page == 0 {
			if out.ResultSet.ResultSetMetadata != nil {
				a.Columns = columns(out.ResultSet.ResultSetMetadata.ColumnInfo)
			}
			if len(rows) > 0 && isHead(rows[0], a.Columns) {
				rows = rows[1:]
			}
		}
		for i := range rows {
			row, err := values(rows[i], a.Columns)
			if err != nil {
				return analytics.Answer{}, &QueryError{ID: id, Reason: err.Error()}
			}
			a.Rows = append(a.Rows, row)
		}
		if aws.ToString(out.NextToken) == "" {
			return a, nil
		}
		in.NextToken = out.NextToken
	}
}

// reason returns why a query has no rows.
func reason(s *types.QueryExecutionStatus) string {
	text := aws.ToString(s.StateChangeReason)
	if text == "" && s.AthenaError != nil {
		text = aws.ToString(s.AthenaError.ErrorMessage)
	}
	if text == "" {
		text = strings.ToLower(string(s.State))
	}
	return text
}

// placed finds the place in the SQL that Athena refuses: COLUMN_NOT_FOUND: line 1:8: …
var placed = regexp.MustCompile(`\bline \d+:\d+: `)

// isWrong reports whether a query failed by the fault of whoever asked it. An answer may
// lack AthenaError.
func isWrong(s *types.QueryExecutionStatus) bool {
	const user = 2 // of AthenaError.ErrorCategory: 1 is Athena's own fault, 3 is any other
	if e := s.AthenaError; e != nil && aws.ToInt32(e.ErrorCategory) == user && !e.Retryable {
		return true
	}
	return placed.MatchString(reason(s))
}

// called makes the error of a call fit for a person.
func called(ctx context.Context, id string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if unreachable := account.Unreachable(err); unreachable != nil {
		return unreachable
	}
	if answer, ok := errors.AsType[smithy.APIError](err); ok {
		_, isWrong := errors.AsType[*types.InvalidRequestException](err)
		return &QueryError{ID: id, Reason: answer.ErrorMessage(), IsWrong: isWrong}
	}
	return fmt.Errorf("athena: %w", err)
}
