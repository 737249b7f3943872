// Judges a history of single ids by Porcupine, which knows nothing of MaksDB: every id is a register, a delete writes
// nothing into it. Reads one operation a line, prints one line of JSON, exits with 1 where an id cannot be explained.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/anishathalye/porcupine"
)

type operation struct {
	Client  int    `json:"client"`
	Kind    string `json:"kind"` // write, read
	ID      int    `json:"id"`
	Value   *int64 `json:"value"` // null: absent
	Call    int64  `json:"call"`
	Return  int64  `json:"ret"`
	Unknown bool   `json:"unknown"`
}

const absent = int64(-1)
const patience = 60 * time.Second

var register = porcupine.Model{
	Init: func() interface{} { return absent },
	Step: func(state, input, output interface{}) (bool, interface{}) {
		op := input.(operation)
		value := absent
		if op.Value != nil {
			value = *op.Value
		}
		if op.Kind == "write" {
			return true, value
		}
		return state.(int64) == value, state
	},
	DescribeOperation: func(input, output interface{}) string {
		op := input.(operation)
		text := "absent"
		if op.Value != nil {
			text = fmt.Sprint(*op.Value)
		}
		return fmt.Sprintf("%s %s", op.Kind, text)
	},
}

func main() {
	histories := map[int][]porcupine.Operation{}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<20), 1<<20)
	count := 0
	for lines.Scan() {
		var op operation
		if err := json.Unmarshal(lines.Bytes(), &op); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		count++
		end := op.Return
		if op.Unknown {
			// It may take effect at any later time, or never.
			end = math.MaxInt64
		}
		histories[op.ID] = append(histories[op.ID], porcupine.Operation{
			ClientId: op.Client, Input: op, Call: op.Call, Output: nil, Return: end,
		})
	}
	report := struct {
		Operations int   `json:"operations"`
		Ids        int   `json:"ids"`
		Illegal    []int `json:"illegal"`
		Undecided  []int `json:"undecided"`
	}{count, len(histories), []int{}, []int{}}
	for id, history := range histories {
		switch result, info := porcupine.CheckOperationsVerbose(register, history, patience); result {
		case porcupine.Illegal:
			report.Illegal = append(report.Illegal, id)
			if len(os.Args) > 1 {
				porcupine.VisualizePath(register, info, fmt.Sprintf("%s/id-%d.html", os.Args[1], id))
			}
		case porcupine.Unknown:
			report.Undecided = append(report.Undecided, id)
		}
	}
	out, _ := json.Marshal(report)
	fmt.Println(string(out))
	if len(report.Illegal) > 0 {
		os.Exit(1)
	}
}
