import io.trino.sql.parser.ParsingException;
import io.trino.sql.parser.SqlParser;
import java.nio.charset.StandardCharsets;

/**
 * Reads statements from standard input, each with a NUL byte behind it, and has Trino's
 * parser read them. Prints one line for each: "ok", or what the parser says.
 */
public final class Parse
{
    private Parse() {}

    public static void main(String[] args)
            throws Exception
    {
        String input = new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
        SqlParser parser = new SqlParser();
        for (String statement : input.split("\0")) {
            try {
                parser.createStatement(statement);
                System.out.println("ok");
            }
            catch (ParsingException e) {
                System.out.println(e.getMessage().replace('\n', ' '));
            }
        }
    }
}
